weight, bias = learned_parameters(net)
optimizer = torch.optim.Adam([{"params": [weight]}, {"params": [bias], "lr": bias_factor * learning_rate}],
                             lr=learning_rate)  # fmt: skip
