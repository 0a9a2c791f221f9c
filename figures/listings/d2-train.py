iou_task = replace(entropy_task, loss=compute_iou_loss, loss_name="IoU")
iou_nets = train_last_layers(deeplab, iou_task, HANDOUT_D, FLOWER_SEEDS)
