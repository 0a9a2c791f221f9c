def train(title, path, recipe, net, optimizer, scheduler,
          batches_of, loss_function, evaluate, best_by=None):
    parts = {"net": net, "optimizer": optimizer, "scheduler": scheduler}
    state = load(path) or {"history": [], "best": {"score": -1}}
    history, best = state["history"], state["best"]
    if history:
        for name, part in parts.items():
            part.load_state_dict(state[name])
    status = f"loaded, {last_score(history)}" if history else "begun"
    line = show_line(f"{title}: {status}")
    for epoch in range(len(history) + 1, recipe.epochs + 1):
        started = time.perf_counter()
        batches = batches_of(epoch - 1)
        loss = train_epoch(net, optimizer, scheduler, batches, loss_function)
        if not math.isfinite(loss):
            raise FloatingPointError(f"{title}, epoch {epoch}: the loss is {loss}")
        row = evaluate(net) | {"train_loss": loss}
        row["seconds"] = time.perf_counter() - started
        history.append(row)
        if best_by and row[best_by] > best["score"]:
            best = {"score": row[best_by], "net": copy.deepcopy(net.state_dict())}
        if epoch % SAVE_EVERY == 0 or epoch == recipe.epochs:
            state = {name: part.state_dict() for name, part in parts.items()}
            save(path, state | {"history": history, "best": best})
        seconds = sum(row["seconds"] for row in history)
        status = f"{epoch}/{recipe.epochs} in {seconds:.0f} s"
        show_line(f"{title}: {status}, {last_score(history)}", line)
    if best_by:
        net.load_state_dict(best["net"])
    return history
