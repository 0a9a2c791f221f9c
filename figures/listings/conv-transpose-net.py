class ConvTransposeNet(nn.Module):  # docstring cut
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        nic, nf, nc = num_in_channels, num_filters, num_colours
        padding, transposed_padding, output_padding = stride_2_paddings(kernel)
        down = {"stride": 2, "padding": padding}
        up = {"stride": 2, "padding": transposed_padding, "output_padding": output_padding}
        self.down1 = conv_block(nn.Conv2d(nic, nf, kernel, **down))
        self.down2 = conv_block(nn.Conv2d(nf, 2 * nf, kernel, **down))
        self.up1 = conv_block(nn.ConvTranspose2d(2 * nf, nf, kernel, **up))
        self.up2 = conv_block(nn.ConvTranspose2d(nf, nc, kernel, **up))
        self.final = same_size_conv(nc, nc, kernel)

    def forward(self, x):
        check_images(x)  # [B, NIC, 32, 32], say
        x = self.down1(x)  # [B, NF, 16, 16]
        x = self.down2(x)  # [B, 2 NF, 8, 8]
        x = self.up1(x)  # [B, NF, 16, 16]
        x = self.up2(x)  # [B, NC, 32, 32]
        return self.final(x)  # [B, NC, 32, 32]
