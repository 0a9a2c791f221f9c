def stride_2_paddings(kernel):
    """(convolution padding, transposed padding, output padding) with which stride 2 halves or doubles H and W exactly.

    kernel: 1 or more, else ValueError. Holds for even H and W; question B.4.
    """
    if kernel != int(kernel) or kernel < 1:
        raise ValueError(f"kernel is {kernel}: a whole number of at least 1 is needed")
    padding = (kernel - 1) // 2
    return padding, padding, 2 * padding + 2 - kernel


def same_size_conv(in_channels, out_channels, kernel):
    """A convolution of stride 1 that keeps H and W; for an even kernel one more pixel is padded right and below."""
    before, after = (kernel - 1) // 2, kernel // 2
    if before == after:
        return nn.Conv2d(in_channels, out_channels, kernel, padding=before)
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), nn.Conv2d(in_channels, out_channels, kernel))
