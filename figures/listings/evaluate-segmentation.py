def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels.long(), ignore_index=VOID)
