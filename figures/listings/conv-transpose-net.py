def stride_2_paddings(kernel):
    padding = (kernel - 1) // 2
    output_padding = 2 * padding + 2 - kernel
    return padding, padding, output_padding


def same_size_conv(in_channels, out_channels, kernel):
    padding = (kernel - 1) // 2
    conv = nn.Conv2d(in_channels, out_channels, kernel, padding=padding)
    if kernel % 2 == 1:
        return conv
    # An even kernel needs one pixel more on the right and below.
    return nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), conv)


class ConvTransposeNet(nn.Module):
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        nic, nf, nc = num_in_channels, num_filters, num_colours
        padding, transposed, output = stride_2_paddings(kernel)
        down = {"stride": 2, "padding": padding}
        up = {"stride": 2, "padding": transposed, "output_padding": output}
        self.down1 = conv_block(nn.Conv2d(nic, nf, kernel, **down))
        self.down2 = conv_block(nn.Conv2d(nf, 2 * nf, kernel, **down))
        self.up1 = conv_block(nn.ConvTranspose2d(2 * nf, nf, kernel, **up))
        self.up2 = conv_block(nn.ConvTranspose2d(nf, nc, kernel, **up))
        self.final = same_size_conv(nc, nc, kernel)

    def forward(self, x):
        check_images(x)
        x = self.down1(x)  # [B, NF, 16, 16]
        x = self.down2(x)  # [B, 2 NF, 8, 8]
        x = self.up1(x)  # [B, NF, 16, 16]
        x = self.up2(x)  # [B, NC, 32, 32]
        return self.final(x)  # [B, NC, 32, 32]
