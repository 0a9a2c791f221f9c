def learned_parameters(net):
    parameters = []
    for name, parameter in net.named_parameters():
        if name.startswith("classifier.4"):
            parameters.append(parameter)
    return parameters
