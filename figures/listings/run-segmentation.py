def run_segmentation(loss, protocol, seed, recipe):
    set_seed(seed)
    net = prepare_for_fine_tuning(segmentation_net)
    last_layer = last_layer_of(net)
    size = min(recipe.batch_size, len(protocol.train))
    num_updates = recipe.epochs * (len(protocol.train) // size)
    optimizer = make_optimizer(learned_parameters(net), recipe)
    scheduler = make_scheduler(optimizer, recipe, num_updates)
    is_void = flowers.masks == VOID
    labels = flowers.masks.where(~is_void, protocol.void_label)

    def batches_of(epoch):
        generator = np.random.default_rng([seed, epoch])
        order = generator.permutation(protocol.train)
        for rows in torch.from_numpy(order).to(DEVICE).split(size):
            if len(rows) == size:
                yield features[rows], labels[rows]

    def evaluate(net):
        predicted = predict_flower(net, protocol.val)
        masks = flowers.masks[protocol.val]
        row = scores(predicted, masks, protocol.void_label)
        row["called_flower"] = predicted.double().mean().item()
        return {f"val_{name}": value for name, value in row.items()}

    shaped_by = [
        LOSSES[loss], learned_parameters, prepare_for_fine_tuning, last_layer_of,
        run_segmentation, set_seed, predict, predict_flower, scores, overlap,
        photo_scores, train, train_epoch, make_optimizer, make_scheduler,
    ]
    best_by = protocol.best_by
    title = f"{loss}, {recipe.name}, {protocol.name}, seed {seed}"
    data = features_path.name, hash_tensors(labels), protocol
    settings = asdict(recipe), seed, data
    path = checkpoint_path(title, settings, last_layer, shaped_by)
    history = train(title, path, recipe, last_layer, optimizer, scheduler,
                    batches_of, LOSSES[loss], evaluate, best_by)
    run = {"net": FACTS["network"], "study": "main", "seed": seed, "loss": loss}
    run |= {"protocol": protocol.name, "updates": num_updates}
    for part, rows in (("validation", protocol.val), ("test", protocol.test)):
        predicted, masks = predict_flower(last_layer, rows), flowers.masks[rows]
        run[part] = scores(predicted, masks, protocol.void_label)
    column = [row[best_by] for row in history]
    run["best_epoch"] = 1 + column.index(max(column))
    keep_run(run, recipe, path, history)
    return last_layer
