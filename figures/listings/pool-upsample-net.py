class PoolUpsampleNet(nn.Module):
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        nic, nf, nc = num_in_channels, num_filters, num_colours
        self.block1 = nn.Sequential(
            nn.Conv2d(nic, nf, kernel, padding="same"),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(nf),
            nn.ReLU(),
        )
        self.block2 = nn.Sequential(
            nn.Conv2d(nf, 2 * nf, kernel, padding="same"),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(2 * nf),
            nn.ReLU(),
        )
        self.block3 = nn.Sequential(
            nn.Conv2d(2 * nf, nf, kernel, padding="same"),
            nn.Upsample(scale_factor=2),
            nn.BatchNorm2d(nf),
            nn.ReLU(),
        )
        self.block4 = nn.Sequential(
            nn.Conv2d(nf, nc, kernel, padding="same"),
            nn.Upsample(scale_factor=2),
            nn.BatchNorm2d(nc),
            nn.ReLU(),
        )
        self.block5 = nn.Conv2d(nc, nc, kernel, padding="same")

    def forward(self, x):
        x = self.block1(x)
        x = self.block2(x)
        x = self.block3(x)
        x = self.block4(x)
        return self.block5(x)
