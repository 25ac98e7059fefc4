"""Instance norm whose second derivative is cheap: PyTorch's kernels, and a closed form where PyTorch has none."""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

__all__ = ["InstanceNorm"]


class InstanceNorm(nn.GroupNorm):
    r"""Each image's channel less its mean and over its standard deviation, then a learned scale and shift per channel.

    A group norm with one channel per group: :math:`y = w \hat x + b` with :math:`\hat x = (x - \mu) / \sqrt{\sigma^2 +
    \epsilon}`, mean and variance over the pixels of one channel of one image. Value and gradient are those of
    ``nn.GroupNorm``, to the bit. The gradient of a gradient, in which trajectory matching spends much of its time, is
    the same function in about half the time: PyTorch composes it of many more passes over the feature maps.

    Args:
        channels: C; parameters are ``weight`` and ``bias``, ``[C]`` each.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Normalised feature maps ``[B, C, H, W]``."""
        # Half precision (autocast) and other memory layouts stay with PyTorch, which mixes types and layouts; so does a
        # graph that is compiled, in which the norm is fused with what stands beside it.
        exact = maps.dtype in (torch.float32, torch.float64) and maps.dtype == self.weight.dtype
        if torch.compiler.is_compiling() or not (exact and maps.is_contiguous()):
            return super().forward(maps)
        return _Norm.apply(maps, self.weight, self.bias, self.eps)


class _Norm(torch.autograd.Function):
    """The norm: PyTorch's kernel."""

    @staticmethod
    def forward(ctx: FunctionCtx, maps: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        images, channels = maps.shape[:2]
        pixels = maps.shape[2:].numel()
        out, mean, scale = torch.native_group_norm(maps, weight, bias, images, channels, pixels, channels, eps)
        ctx.save_for_backward(maps, weight, mean, scale)
        ctx.eps = eps
        return out

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        return *_NormBackward.apply(grad.contiguous(), *ctx.saved_tensors, ctx.eps), None


class _NormBackward(torch.autograd.Function):
    """Its gradient: PyTorch's kernel. The mean and the scale are functions of the maps, and derived as such."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, grad: Tensor, maps: Tensor, weight: Tensor, mean: Tensor, scale: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(grad, maps, weight, mean, scale)
        ctx.eps = eps
        images, channels = maps.shape[:2]
        sizes = (images, channels, maps.shape[2:].numel(), channels)
        return torch.ops.aten.native_group_norm_backward(grad, maps, mean, scale, weight, *sizes, [True] * 3)

    @staticmethod
    def backward(
        ctx: FunctionCtx, along: Tensor, along_weight: Tensor, along_bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        r"""Gradient of the inner product of the gradient :math:`(g_x, g_w, g_b)` and a direction :math:`(v, p, q)`.

        Over the :math:`M` pixels of one channel of one image, with the gradient :math:`g` of the output and the scale
        :math:`r = 1 / \sqrt{\sigma^2 + \epsilon}`, that product is :math:`w r T + p \langle g, \hat x \rangle + q
        \langle g, 1 \rangle`, where :math:`T = \langle v, g \rangle - \langle v, 1 \rangle \langle g, 1 \rangle / M -
        \langle v, \hat x \rangle \langle g, \hat x \rangle / M`. Its gradients are sums of :math:`v, g, x` and 1 with
        one coefficient each: PyTorch spends a pass on every factor of every term instead.
        """
        grad, maps, weight, mean, scale = ctx.saved_tensors
        shape = maps.shape
        v, g, x = (tensor.reshape(*shape[:2], -1) for tensor in (along, grad, maps))  # [B, C, M]
        if torch.is_grad_enabled():  # for a third derivative, which must see that both depend on the maps
            variance, mean = torch.var_mean(x, dim=2, correction=0)
            scale = (variance + ctx.eps).rsqrt()
        pixels = x.shape[2]
        v_one, g_one = v.sum(2), g.sum(2)  # [B, C], as all that follow
        v_hat, g_hat = (_dot(v, x) - mean * v_one) * scale, (_dot(g, x) - mean * g_one) * scale
        weighted = weight * scale
        product = _dot(v, g) - (v_one * g_one + v_hat * g_hat) / pixels
        for_weight = (scale * product).sum(0)

        hat, one = along_weight - weighted * v_hat / pixels, along_bias - weighted * v_one / pixels
        for_grad = _affine(x, hat * scale, one - hat * scale * mean).addcmul_(v, weighted.unsqueeze(2))

        of_v, of_g = -weighted * scale * g_hat / pixels, scale * hat
        of_x = -(of_v * v_hat + of_g * g_hat + weighted * scale * product) / pixels * scale
        of_one = -(of_v * v_one + of_g * g_one) / pixels - of_x * mean
        for_maps = _affine(x, of_x, of_one).addcmul_(v, of_v.unsqueeze(2)).addcmul_(g, of_g.unsqueeze(2))
        return for_grad.view(shape), for_maps.view(shape), for_weight, None, None, None


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner products ``[B, C]`` over the pixels."""
    return (a * b).sum(2)


def _affine(x: Tensor, slope: Tensor, offset: Tensor) -> Tensor:
    """A slope and an offset ``[B, C]`` for each channel of each image."""
    return (x * slope.unsqueeze(2)).add_(offset.unsqueeze(2))
