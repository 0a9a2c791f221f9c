starter_masks = masks.where(masks != VOID, 0)  # void is background
starter_data = FlowerData(features, starter_masks, **starter_rows)
entropy_task = Task(
    starter_data,
    flower_batches,
    cross_entropy,
    evaluate_flowers,
    parameters=learned_parameters,  # Question 1
    best_by="val_thresholded_iou",
    protocol="starter",
)
entropy_nets = train_last_layers(
    deeplab, entropy_task, HANDOUT_D, FLOWER_SEEDS
)
