def fit(net, task, recipe, seed):
    parameters, rate = task.parameters(net), recipe.learning_rate
    optimizer = torch.optim.Adam(parameters, lr=rate, fused=True)
    history, best_score, best_weights = [], -1, None
    for epoch in range(recipe.epochs):
        started = time.perf_counter()
        batches = task.batches(task.data, recipe.batch_size, seed, epoch)
        loss = train_epoch(net, batches, task.loss, optimizer)
        row = {"epoch": epoch + 1, "updates": (epoch + 1) * len(batches)}
        row |= {"train_loss": loss} | task.evaluate(task.data, net)
        row["seconds"] = time.perf_counter() - started
        history.append(row)
        if task.best_by and row[task.best_by] > best_score:
            best_score = row[task.best_by]
            best_weights = copy.deepcopy(net.state_dict())
    if best_weights:
        net.load_state_dict(best_weights)
    return history
