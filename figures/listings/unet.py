class UNet(nn.Module):
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        nic, nf, nc = num_in_channels, num_filters, num_colours
        padding, transposed, output = stride_2_paddings(kernel)
        down = {"stride": 2, "padding": padding}
        up = {"stride": 2, "padding": transposed, "output_padding": output}
        self.down1 = conv_block(nn.Conv2d(nic, nf, kernel, **down))
        self.down2 = conv_block(nn.Conv2d(nf, 2 * nf, kernel, **down))
        self.up1 = conv_block(nn.ConvTranspose2d(2 * nf, nf, kernel, **up))
        self.up2 = conv_block(nn.ConvTranspose2d(nf + nf, nc, kernel, **up))
        self.final = same_size_conv(nic + nc, nc, kernel)

    def forward(self, x):
        check_images(x)
        half = self.down1(x)  # [B, NF, 16, 16]
        quarter = self.down2(half)  # [B, 2 NF, 8, 8]
        up_half = self.up1(quarter)  # [B, NF, 16, 16]
        joined = torch.cat([half, up_half], dim=1)  # [B, 2 NF, 16, 16]
        up_full = self.up2(joined)  # [B, NC, 32, 32]
        joined = torch.cat([x, up_full], dim=1)  # [B, NIC + NC, 32, 32]
        return self.final(joined)  # [B, NC, 32, 32]
