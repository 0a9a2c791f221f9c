class UNet(nn.Module):  # docstring cut
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        nic, nf, nc = num_in_channels, num_filters, num_colours
        padding, transposed_padding, output_padding = stride_2_paddings(kernel)
        down = {"stride": 2, "padding": padding}
        up = {"stride": 2, "padding": transposed_padding, "output_padding": output_padding}
        self.down1 = conv_block(nn.Conv2d(nic, nf, kernel, **down))
        self.down2 = conv_block(nn.Conv2d(nf, 2 * nf, kernel, **down))
        self.up1 = conv_block(nn.ConvTranspose2d(2 * nf, nf, kernel, **up))
        self.up2 = conv_block(nn.ConvTranspose2d(nf + nf, nc, kernel, **up))
        self.final = same_size_conv(nic + nc, nc, kernel)

    def forward(self, x):
        check_images(x)  # [B, NIC, 32, 32], say
        half = self.down1(x)  # [B, NF, 16, 16]
        quarter = self.down2(half)  # [B, 2 NF, 8, 8]
        up_half = self.up1(quarter)  # [B, NF, 16, 16]
        up_full = self.up2(torch.cat([half, up_half], dim=1))  # [B, 2 NF, 16, 16] -> [B, NC, 32, 32]
        return self.final(torch.cat([x, up_full], dim=1))  # [B, NIC + NC, 32, 32] -> [B, NC, 32, 32]
