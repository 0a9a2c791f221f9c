def stride_2_paddings(kernel):  # docstring cut
    require(kernel == int(kernel) and kernel >= 1, f"kernel is {kernel}: a whole number of at least 1 is needed")
    padding = (kernel - 1) // 2
    return padding, padding, 2 * padding + 2 - kernel

def same_size_conv(in_channels, out_channels, kernel):  # docstring cut
    before, after = (kernel - 1) // 2, kernel // 2
    if before == after:
        return nn.Conv2d(in_channels, out_channels, kernel, padding=before)
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), nn.Conv2d(in_channels, out_channels, kernel))
