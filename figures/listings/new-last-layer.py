def replace_last_layer(net, seed):
    torch.manual_seed(seed)
    net.eval().requires_grad_(False)
    net.classifier[4] = nn.Conv2d(256, 2, kernel_size=1)
    return net.to(DEVICE)
