#!/usr/bin/env bash
# DD-Ranking 0.2.0: data_aug_func="cutmix" with stored labels, which is its default for the label-robust score.
# CutMix (Yun et al., 2019) pastes a box of a second image into the first and mixes the two labels by area; so one would
# expect the loss to see mixed labels. Seen: aug.Cutmix returns images alone, and train_one_epoch hands the loss the
# stored label of the first image unchanged, however large the pasted box is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" install -q --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy==1.26.4 scipy==1.15.3 pandas==2.3.3 tqdm==4.70.1 pillow pyyaml safetensors huggingface_hub
pip --no-deps torchvision==0.26.0 timm==1.0.31 kornia==0.9.0 kornia_rs==0.2.0 ddranking==0.2.0
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import contextlib, importlib.metadata, io
import numpy, torch

if not torch.version.cuda:  # torchvision's file is built for CUDA: beside a CPU torch its operators are not declared
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from ddranking.aug import Cutmix
from ddranking.utils import TensorDataset, train_one_epoch

numpy.random.seed(0)
torch.manual_seed(0)
classes = 10
# Image k is filled with the number k, so that its pixels tell which images it was put together from.
images = torch.arange(float(classes)).view(-1, 1, 1, 1).expand(-1, 3, 32, 32).contiguous()
stored = torch.nn.functional.one_hot(torch.arange(classes), classes).float()
seen = []


class Student(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, classes)

    def forward(self, batch):
        seen.append([batch.clone()])
        return self.layer(batch.mean(dim=(2, 3)))


def loss(output, targets):
    seen[-1].append(targets.clone())
    return torch.nn.functional.cross_entropy(output, targets)


student = Student()
loader = torch.utils.data.DataLoader(TensorDataset(images, stored), batch_size=classes)
with contextlib.redirect_stdout(io.StringIO()):
    for epoch in range(20):
        train_one_epoch(
            epoch, student, loader, loss, torch.optim.SGD(student.parameters(), lr=0.0), soft_label_mode="S",
            aug_func=Cutmix({"beta": 1.0}), device="cpu",
        )

mixed, mixed_labels, most = 0, 0, 0.0
for batch, targets in seen:
    for image, target in zip(batch, targets):
        shares = torch.bincount(image[0].long().flatten(), minlength=classes) / image[0].numel()
        mixed += int((shares > 0).sum() > 1)
        mixed_labels += int((target > 0).sum() > 1)
        most = max(most, 1 - float(shares[target.argmax()]))
print(f"ddranking {importlib.metadata.version('ddranking')}, torch {torch.__version__}")
print(f"{len(seen) * classes} images: {mixed} of two images, {mixed_labels} with a mixed label")
print(f"largest share of other pixels under an unchanged label: {most:.2f}")
assert mixed > 50 and mixed_labels == 0, "labels are mixed now"
PYTHON
