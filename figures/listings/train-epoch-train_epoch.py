def train_epoch(net, batches, loss_function, optimizer):
    net.train()
    total_loss, num_images = 0, 0
    for inputs, labels in batches:
        loss = loss_function(net(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        # .item() here would make Python wait for the GPU each time.
        total_loss += loss.detach() * len(labels)
        num_images += len(labels)
    return total_loss.item() / num_images
