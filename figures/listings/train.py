weight, bias = learned_parameters(net)
groups = [{"params": [weight]}, {"params": [bias], "lr": bias_factor * learning_rate}]
optimizer = torch.optim.Adam(groups, lr=learning_rate)
batch_size = min(batch_size, len(protocol.train))

def one_epoch(epoch):
    order = np.random.default_rng([seed, epoch]).permutation(protocol.train)
    batches = torch.from_numpy(order).to(DEVICE).split(batch_size)[: len(order) // batch_size]
    total_loss = torch.zeros((), device=DEVICE)
    for batch in batches:
        labels = masks[batch].where(masks[batch] != VOID, protocol.void_label)
        total_loss += segmentation_step(layer, optimizer, features[batch] - mean, labels, LOSSES[loss][0])
