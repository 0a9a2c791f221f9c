def train_epoch(net, optimizer, scheduler, batches, loss_function):
    net.train()
    # Reading the sum here would wait for the GPU.
    total_loss = torch.zeros((), device=DEVICE)
    num_images = 0
    for inputs, labels in batches:
        loss = loss_function(net(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total_loss += loss.detach() * len(labels)
        num_images += len(labels)
    return total_loss.item() / num_images
