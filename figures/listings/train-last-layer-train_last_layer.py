def train_last_layer(net, task, recipe, seed):
    last_layer = LastLayer(replace_last_layer(net, seed))
    name = train(last_layer, task, recipe, seed)
    on_test = score_flowers(task.data, last_layer, task.data.test, "test_")
    RUNS[name] |= on_test
    return last_layer
