"""What must hold in results.json for each \\claim of the writeup.

Usage: python scripts/claims.py [full|quick|sample]   (prints each claim, whether it holds, and the numbers behind it)
"""

import sys

import numpy as np
from notebook import base_folder
from results import batch_records, load_results, runs_of

# The words of these conditions are the methods of Evidence. falls, rises and wavers are about the differences of a
# comparison in summary.paired, seed by seed; one seed alone bears out none of them.
CLAIMS = {
    "edge-pool": "edge('PoolUpsampleNet') + 0.1 < far('PoolUpsampleNet')",
    "chroma-pool": "chroma('PoolUpsampleNet') < chroma('target')",
    "chroma-conv": "chroma('ConvTransposeNet') < chroma('PoolUpsampleNet')",
    "conv-below-pool": "falls('ConvTransposeNet less PoolUpsampleNet: val_loss')"
    " and rises('ConvTransposeNet less PoolUpsampleNet: val_accuracy')",
    "conv-gain-at-edges": "edge('ConvTransposeNet') - edge('PoolUpsampleNet')"
    " > 2 * (far('ConvTransposeNet') - far('PoolUpsampleNet'))",
    "batch-order": "rises('batch 512 less 32: val_loss') and climbs(batches('same epochs'))",
    "batch-noise": "wavers('batch 64 less 32: val_loss')",
    "batch-train": "falls('batch 64 less 32: train_loss') and wavers('batch 100 less 32: train_loss')"
    " and climbs(training()[1:])",
    "batch-turned": "batches('same updates')[0] == max(batches('same updates'))"
    " and batches('same updates')[-1] == min(batches('same updates')) and not climbs(batches('same updates')[::-1])",
    "batch-scaled": "ptp(batches('scaled rate')) < ptp(first_seed()) / 2"
    " and batches('scaled rate')[0] > first_seed()[0] and batches('scaled rate')[-1] < first_seed()[-1]",
    "unet-below-conv": "falls('UNet less ConvTransposeNet: val_loss')"
    " and rises('UNet less ConvTransposeNet: val_accuracy')",
    "unet-lead-at-edges": "edge('UNet') - edge('ConvTransposeNet') > 2 * abs(far('UNet') - far('ConvTransposeNet'))",
    "unet-sooner": "falls('UNet less ConvTransposeNet, first epoch: val_loss')"
    " and wavers('UNet less ConvTransposeNet, first epoch: val_accuracy')",
    "strong-lead": "falls('UNet less ConvTransposeNet, strong recipe: val_loss')"
    " and mean('UNet less ConvTransposeNet, strong recipe: val_loss')"
    " > mean('UNet less ConvTransposeNet: val_loss') / 2",
    "iou-raw-fails": "len(all_flower()) == 3 and sum(epochs == 10 for epochs in all_flower()) == 2",
    "iou-centred-trails": "falls('IoU less CE, centred, handout, thresholded_iou: validation, epoch 10')",
    "iou-mended-level": "wavers('IoU less CE, mended, handout, thresholded_iou: validation, epoch 10')",
    "iou-mended-leads": "rises('IoU less CE, mended, handout, thresholded_iou: validation, best')"
    " and rises('IoU less CE, mended, handout, thresholded_iou: test')",
    "iou-mended-trails": "falls('IoU less CE, mended, handout, mean_iou: test')",
    "iou-clean-trails": "falls('IoU less CE, mended, leak-free, thresholded_iou: test')"
    " and falls('IoU less CE, mended, leak-free, mean_iou: test')",
}


class Evidence:
    """The words of the conditions, about one results.json; what they looked up is kept in `numbers`."""

    def __init__(self, results):
        self.results, self.numbers = results, {}

    def _look_up(self, what, numbers):
        self.numbers[what] = numbers
        return numbers

    def _paired(self, comparison):
        paired = self.results["summary"]["paired"][comparison]
        self._look_up(comparison, paired["differences"])
        return paired

    def falls(self, comparison):
        paired = self._paired(comparison)
        return paired["agree"] is True and paired["mean"] < 0

    def rises(self, comparison):
        paired = self._paired(comparison)
        return paired["agree"] is True and paired["mean"] > 0

    def wavers(self, comparison):
        return self._paired(comparison)["agree"] is False

    def mean(self, comparison):
        return self._paired(comparison)["mean"]

    def edge(self, net):
        return self._look_up(f"{net} at an edge", self.results["summary"]["accuracy_by_distance"][net][0])

    def far(self, net):
        return self._look_up(f"{net} far from one", self.results["summary"]["accuracy_by_distance"][net][-1])

    def chroma(self, name):
        return self._look_up(f"chroma of {name}", self.results["summary"]["chroma"][name])

    def batches(self, study):
        means = {int(size): row[study]["mean"] for size, row in self.results["summary"]["batch_size"].items()}
        return self._look_up(f"{study}, by batch size", [means[size] for size in sorted(means)])

    def _by_size(self, what, summary):
        """`summary` of the records of each batch size at the handout's epochs, from the smallest size on."""
        sizes = sorted(int(size) for size in self.results["summary"]["batch_size"])
        return self._look_up(what, [summary(batch_records(self.results, size)) for size in sizes])

    def training(self):
        return self._by_size(
            "mean training loss, by batch size",
            lambda runs: np.mean([run["history"]["train_loss"][-1] for run in runs]).item(),
        )

    def first_seed(self):
        return self._by_size("same epochs, seed 0, by batch size", lambda runs: runs[0]["history"]["val_loss"][-1])

    def climbs(self, numbers):
        return numbers == sorted(numbers)

    def ptp(self, numbers):
        return max(numbers) - min(numbers)

    def all_flower(self):
        runs = runs_of(self.results, loss="iou", recipe="handout")
        both = [zip(run["history"]["val_mean_iou"], run["history"]["val_foreground_iou"], strict=True) for run in runs]
        epochs = [sum(2 * mean - flower < 1e-4 for mean, flower in of_run) for of_run in both]
        return self._look_up("epochs with a background IoU of 0, by the handout's settings and IoU loss", epochs)


def judge(results):
    """{claim: (whether these results bear it out, the numbers behind it)}."""
    judged = {}
    for name, condition in CLAIMS.items():
        evidence = Evidence(results)
        words = {word: getattr(evidence, word) for word in dir(evidence) if not word.startswith("_")}
        try:
            holds = bool(eval(condition, words))
        except (KeyError, IndexError, ValueError):  # a run without studies, or with other batch sizes
            holds = False
        judged[name] = (holds, evidence.numbers)
    return judged


def main(profile):
    for name, (holds, numbers) in judge(load_results(base_folder(profile) / "figures")[0]).items():
        print(f"{'holds' if holds else 'NOT  '}  {name}: {CLAIMS[name]}")
        for what, values in numbers.items():
            print(f"           {what}: {', '.join(f'{value:.4f}' for value in np.atleast_1d(values))}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
