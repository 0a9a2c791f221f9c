weight, bias = learned_parameters(net)
groups = [{"params": [weight]}, {"params": [bias], "lr": bias_factor * learning_rate}]
optimizer = torch.optim.Adam(groups, lr=learning_rate)
