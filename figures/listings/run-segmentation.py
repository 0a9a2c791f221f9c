def run_segmentation(loss, protocol, seed, recipe):
    set_seed(seed)
    net = prepare_for_fine_tuning(segmentation_net)
    last_layer = last_layer_of(net)
    size = min(recipe.batch_size, len(protocol.train))
    num_updates = recipe.epochs * (len(protocol.train) // size)
    optimizer = make_optimizer(learned_parameters(net), recipe)
    scheduler = make_scheduler(optimizer, recipe, num_updates)
    masks = flowers.masks
    labels = masks.where(masks != VOID, protocol.void_label)

    def batches_of(epoch):
        generator = np.random.default_rng([seed, epoch])
        order = generator.permutation(protocol.train)
        for rows in torch.from_numpy(order).to(DEVICE).split(size):
            if len(rows) == size:
                yield features[rows], labels[rows]

    def evaluate(net):
        logits = flower_logits(net, protocol.val)
        row = scores(logits > 0, masks[protocol.val], protocol.void_label)
        row["called_flower"] = (logits > 0).double().mean().item()
        slope = logits.sigmoid() * (-logits).sigmoid()  # p (1 - p)
        row["slope"] = slope.mean().item()
        return {f"val_{name}": value for name, value in row.items()}

    shaped_by = [
        LOSSES[loss], learned_parameters, prepare_for_fine_tuning, last_layer_of,
        run_segmentation, set_seed, predict, flower_logits, scores, overlap,
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
        predicted = flower_logits(last_layer, rows) > 0
        run[part] = scores(predicted, masks[rows], protocol.void_label)
    run["best_epoch"] = 1 + int(pd.DataFrame(history)[best_by].argmax())
    keep_run(run, recipe, path, history)
    return last_layer
