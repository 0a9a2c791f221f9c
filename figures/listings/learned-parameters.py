def learned_parameters(net):
    """The parameters of `net` to train: those whose names begin with classifier.4, the last layer."""
    return [parameter for name, parameter in net.named_parameters() if name.startswith("classifier.4")]
