def learned_parameters(net):
    return [parameter for name, parameter in net.named_parameters() if name.startswith("classifier.4")]
