def learned_parameters(net):  # docstring cut
    return [parameter for name, parameter in net.named_parameters() if name.startswith("classifier.4")]
