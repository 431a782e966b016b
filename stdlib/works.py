"""What several files of stdlib cite: architectures, collections of weights, WordNet, open_clip."""

from __future__ import annotations

from ..lang.citation import Citation

FALCON = Citation(
    "kalibhat2023identifying",
    ("Kalibhat, Neha", "Bhardwaj, Shweta", "Bruss, C. Bayan", "Firooz, Hamed", "Sanjabi, Maziar", "Feizi, Soheil"),
    "Identifying Interpretable Subspaces in Image Representations", "ICML", 2023, "https://arxiv.org/abs/2307.10504",
)
GRAD_CAM = Citation(
    "selvaraju2017gradcam",
    ("Selvaraju, Ramprasaath R.", "Cogswell, Michael", "Das, Abhishek", "Vedantam, Ramakrishna", "Parikh, Devi",
     "Batra, Dhruv"),
    "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", "ICCV", 2017,
    "https://arxiv.org/abs/1610.02391",
)  # fmt: skip
CLIP = Citation(
    "radford2021learning",
    ("Radford, Alec", "Kim, Jong Wook", "Hallacy, Chris", "Ramesh, Aditya", "Goh, Gabriel", "Agarwal, Sandhini",
     "Sastry, Girish", "Askell, Amanda", "Mishkin, Pamela", "Clark, Jack", "Krueger, Gretchen", "Sutskever, Ilya"),
    "Learning Transferable Visual Models From Natural Language Supervision", "ICML", 2021,
    "https://arxiv.org/abs/2103.00020",
)  # fmt: skip
CLIP_DISSECT = Citation(
    "oikarinen2023clip", ("Oikarinen, Tuomas", "Weng, Tsui-Wei"),
    "CLIP-Dissect: Automatic Description of Neuron Representations in Deep Vision Networks", "ICLR", 2023,
    "https://arxiv.org/abs/2204.10965",
)  # fmt: skip
NETDISSECT = Citation(
    "bau2017network",
    ("Bau, David", "Zhou, Bolei", "Khosla, Aditya", "Oliva, Aude", "Torralba, Antonio"),
    "Network Dissection: Quantifying Interpretability of Deep Visual Representations", "CVPR", 2017,
    "https://arxiv.org/abs/1704.05796",
)
LINEAR_EXPLANATIONS = Citation(
    "oikarinen2024linear", ("Oikarinen, Tuomas", "Weng, Tsui-Wei"), "Linear Explanations for Individual Neurons",
    "ICML", 2024, "https://arxiv.org/abs/2405.06855",
)  # fmt: skip
NEURON_EVAL = Citation(
    "oikarinen2025evaluating", ("Oikarinen, Tuomas", "Yan, Ge", "Weng, Tsui-Wei"),
    "Evaluating Neuron Explanations: A Unified Framework with Sanity Checks", "ICML", 2025,
    "https://arxiv.org/abs/2506.05774",
)  # fmt: skip
COSY = Citation(
    "kopf2024cosy",
    ("Kopf, Laura", "Bommer, Philine Lou", "Hedström, Anna", "Lapuschkin, Sebastian", "Höhne, Marina M.-C.",
     "Bykov, Kirill"),
    "CoSy: Evaluating Textual Explanations of Neurons", "NeurIPS", 2024, "https://arxiv.org/abs/2405.20331",
)  # fmt: skip
STABILITY_SELECTION = Citation(
    "meinshausen2010stability", ("Meinshausen, Nicolai", "Bühlmann, Peter"), "Stability Selection",
    "Journal of the Royal Statistical Society: Series B 72(4)", 2010, "https://arxiv.org/abs/0809.2932", form="article",
)  # fmt: skip
OPEN_CLIP = Citation(
    "ilharco2021openclip",
    ("Ilharco, Gabriel", "Wortsman, Mitchell", "Wightman, Ross", "Gordon, Cade", "Carlini, Nicholas", "Taori, Rohan",
     "Dave, Achal", "Shankar, Vaishaal", "Namkoong, Hongseok", "Miller, John", "Hajishirzi, Hannaneh",
     "Farhadi, Ali", "Schmidt, Ludwig"),
    "OpenCLIP", "Zenodo", 2021, "https://doi.org/10.5281/zenodo.5143773", form="misc",
)  # fmt: skip
WORDNET = Citation(
    "miller1995wordnet", ("Miller, George A.",), "WordNet: A Lexical Database for English",
    "Communications of the ACM 38(11)", 1995, "https://wordnet.princeton.edu", form="article",
)  # fmt: skip
TORCHVISION = Citation(
    "torchvision2016", ("TorchVision maintainers and contributors",), "TorchVision: PyTorch's Computer Vision library",
    "GitHub", 2016, "https://github.com/pytorch/vision", form="misc",
)  # fmt: skip
IMAGENET = Citation(
    "russakovsky2015imagenet",
    ("Russakovsky, Olga", "Deng, Jia", "Su, Hao", "others"),
    "ImageNet Large Scale Visual Recognition Challenge", "International Journal of Computer Vision 115(3)", 2015,
    "https://arxiv.org/abs/1409.0575", form="article",
)  # fmt: skip
RESNET = Citation(
    "he2016deep", ("He, Kaiming", "Zhang, Xiangyu", "Ren, Shaoqing", "Sun, Jian"),
    "Deep Residual Learning for Image Recognition", "CVPR", 2016, "https://arxiv.org/abs/1512.03385",
)  # fmt: skip
MOBILENET_V2 = Citation(
    "sandler2018mobilenetv2",
    ("Sandler, Mark", "Howard, Andrew", "Zhu, Menglong", "Zhmoginov, Andrey", "Chen, Liang-Chieh"),
    "MobileNetV2: Inverted Residuals and Linear Bottlenecks", "CVPR", 2018, "https://arxiv.org/abs/1801.04381",
)  # fmt: skip

# By how an architecture's name begins; the longest beginning counts.
ARCHITECTURES: dict[str, Citation] = {
    "resnet": RESNET,
    "cifar_resnet": RESNET,
    "mobilenet_v2": MOBILENET_V2,
    "alexnet": Citation(
        "krizhevsky2014one", ("Krizhevsky, Alex",), "One weird trick for parallelizing convolutional neural networks",
        "arXiv", 2014, "https://arxiv.org/abs/1404.5997", form="misc",
    ),
    "vgg": Citation(
        "simonyan2015very", ("Simonyan, Karen", "Zisserman, Andrew"),
        "Very Deep Convolutional Networks for Large-Scale Image Recognition", "ICLR", 2015,
        "https://arxiv.org/abs/1409.1556",
    ),
    "googlenet": Citation(
        "szegedy2015going", ("Szegedy, Christian", "Liu, Wei", "Jia, Yangqing", "others"),
        "Going Deeper with Convolutions", "CVPR", 2015, "https://arxiv.org/abs/1409.4842",
    ),
    "inception": Citation(
        "szegedy2016rethinking", ("Szegedy, Christian", "Vanhoucke, Vincent", "Ioffe, Sergey", "others"),
        "Rethinking the Inception Architecture for Computer Vision", "CVPR", 2016, "https://arxiv.org/abs/1512.00567",
    ),
    "squeezenet": Citation(
        "iandola2016squeezenet", ("Iandola, Forrest N.", "Han, Song", "Moskewicz, Matthew W.", "others"),
        "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", "arXiv", 2016,
        "https://arxiv.org/abs/1602.07360", form="misc",
    ),
    "densenet": Citation(
        "huang2017densely",
        ("Huang, Gao", "Liu, Zhuang", "van der Maaten, Laurens", "Weinberger, Kilian Q."),
        "Densely Connected Convolutional Networks", "CVPR", 2017, "https://arxiv.org/abs/1608.06993",
    ),
    "resnext": Citation(
        "xie2017aggregated",
        ("Xie, Saining", "Girshick, Ross", "Dollár, Piotr", "Tu, Zhuowen", "He, Kaiming"),
        "Aggregated Residual Transformations for Deep Neural Networks", "CVPR", 2017,
        "https://arxiv.org/abs/1611.05431",
    ),
    "wide_resnet": Citation(
        "zagoruyko2016wide", ("Zagoruyko, Sergey", "Komodakis, Nikos"), "Wide Residual Networks", "BMVC", 2016,
        "https://arxiv.org/abs/1605.07146",
    ),
    "shufflenet_v2": Citation(
        "ma2018shufflenet",
        ("Ma, Ningning", "Zhang, Xiangyu", "Zheng, Hai-Tao", "Sun, Jian"),
        "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", "ECCV", 2018,
        "https://arxiv.org/abs/1807.11164",
    ),
    "mnasnet": Citation(
        "tan2019mnasnet", ("Tan, Mingxing", "Chen, Bo", "Pang, Ruoming", "others"),
        "MnasNet: Platform-Aware Neural Architecture Search for Mobile", "CVPR", 2019,
        "https://arxiv.org/abs/1807.11626",
    ),
    "mobilenet_v3": Citation(
        "howard2019searching", ("Howard, Andrew", "Sandler, Mark", "Chu, Grace", "others"),
        "Searching for MobileNetV3", "ICCV", 2019, "https://arxiv.org/abs/1905.02244",
    ),
    "efficientnet": Citation(
        "tan2019efficientnet", ("Tan, Mingxing", "Le, Quoc V."),
        "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", "ICML", 2019,
        "https://arxiv.org/abs/1905.11946",
    ),
    "efficientnet_v2": Citation(
        "tan2021efficientnetv2", ("Tan, Mingxing", "Le, Quoc V."),
        "EfficientNetV2: Smaller Models and Faster Training", "ICML", 2021, "https://arxiv.org/abs/2104.00298",
    ),
    "regnet": Citation(
        "radosavovic2020designing",
        ("Radosavovic, Ilija", "Kosaraju, Raj Prateek", "Girshick, Ross", "He, Kaiming", "Dollár, Piotr"),
        "Designing Network Design Spaces", "CVPR", 2020, "https://arxiv.org/abs/2003.13678",
    ),
    "vit": Citation(
        "dosovitskiy2021image", ("Dosovitskiy, Alexey", "Beyer, Lucas", "Kolesnikov, Alexander", "others"),
        "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", "ICLR", 2021,
        "https://arxiv.org/abs/2010.11929",
    ),
    "swin": Citation(
        "liu2021swin", ("Liu, Ze", "Lin, Yutong", "Cao, Yue", "others"),
        "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", "ICCV", 2021,
        "https://arxiv.org/abs/2103.14030",
    ),
    "swin_v2": Citation(
        "liu2022swinv2", ("Liu, Ze", "Hu, Han", "Lin, Yutong", "others"),
        "Swin Transformer V2: Scaling Up Capacity and Resolution", "CVPR", 2022, "https://arxiv.org/abs/2111.09883",
    ),
    "convnext": Citation(
        "liu2022convnet", ("Liu, Zhuang", "Mao, Hanzi", "Wu, Chao-Yuan", "others"),
        "A ConvNet for the 2020s", "CVPR", 2022, "https://arxiv.org/abs/2201.03545",
    ),
    "maxvit": Citation(
        "tu2022maxvit", ("Tu, Zhengzhong", "Talebi, Hossein", "Zhang, Han", "others"),
        "MaxViT: Multi-Axis Vision Transformer", "ECCV", 2022, "https://arxiv.org/abs/2204.01697",
    ),
}  # fmt: skip


def architecture_works(name: str) -> tuple[Citation, ...]:
    """Who published an architecture; nothing for one that is not known here."""
    fits = [start for start in ARCHITECTURES if name.startswith(start)]
    return (ARCHITECTURES[max(fits, key=len)],) if fits else ()
