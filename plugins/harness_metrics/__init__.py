"""Built-in plugin: metrics of codes and of samples."""

from harness import Register, hookimpl


@hookimpl
def harness_register_metrics(register: Register) -> None:
    """Register the metrics of codes, of samples and of reconstructions, and those that InfoGAN reports."""
    register("factorvae", "harness_metrics.codes.factorvae:FactorVAEScore", "FactorVAE score (Kim & Mnih, 2018)")
    register("betavae", "harness_metrics.codes.betavae:BetaVAEScore", "BetaVAE score (Higgins et al., 2017)")
    register("mig", "harness_metrics.codes.mig:MutualInformationGap", "mutual information gap (Chen et al., 2018)")
    register("dci", "harness_metrics.codes.dci:DCI", "DCI disentanglement (Eastwood & Williams, 2018)")
    register("dci-lasso", "harness_metrics.codes.dci_regression:DCILasso", "DCI with a lasso (Lin et al., 2020)")
    register("dci-lassocv", "harness_metrics.codes.dci_regression:DCILassoCV", "DCI with a cross-validated lasso")
    register(
        "dci-forest", "harness_metrics.codes.dci_regression:DCIForest", "DCI with random forests (Lin et al., 2020)"
    )
    register("sap", "harness_metrics.codes.sap:SAP", "SAP with squared correlations (Kumar et al., 2018)")
    register(
        "sap-discrete", "harness_metrics.codes.sap:DiscreteSAP", "SAP with linear classifiers (Kumar et al., 2018)"
    )
    register("modularity", "harness_metrics.codes.modularity:Modularity", "modularity (Ridgeway & Mozer, 2018)")
    register("compactness", "harness_metrics.codes.compactness:Compactness", "one code only for each factor")
    register("explicitness", "harness_metrics.codes.explicitness:Explicitness", "explicitness (Ridgeway & Mozer, 2018)")
    register("dci-explicitness", "harness_metrics.codes.dci_es:DCIExplicitness", "E of DCI-ES (Eastwood et al., 2023)")
    register("dci-size", "harness_metrics.codes.dci_es:DCISize", "S of DCI-ES (Eastwood et al., 2023)")
    register("mig-sup", "harness_metrics.codes.mig_sup:MIGSup", "MIG seen from the codes (Li et al., 2020)")
    register("dcimig", "harness_metrics.codes.dcimig:DCIMIG", "DCIMIG, or 3CharM (Sepliarskaia et al., 2019)")
    register("jemmig", "harness_metrics.codes.jemmig:JEMMIG", "normalised JEMMIG (Do & Tran, 2020)")
    register("med", "harness_metrics.codes.med:MED", "MED and top-k MED (Cao et al., 2022)")
    register("infom", "harness_metrics.codes.infomec:InfoM", "modularity of InfoMEC (Hsu et al., 2023)")
    register("infoe", "harness_metrics.codes.infomec:InfoE", "explicitness of InfoMEC (Hsu et al., 2023)")
    register("infoc", "harness_metrics.codes.infomec:InfoC", "compactness of InfoMEC (Hsu et al., 2023)")
    register(
        "irs", "harness_metrics.codes.irs:InterventionalRobustness", "interventional robustness (Suter et al., 2019)"
    )
    register("dhsic", "harness_metrics.codes.dhsic:DHSIC", "dependence of codes by kernels (Pfister et al., 2018)")
    gaussian = "harness_metrics.codes.gaussian_correlation"
    register("total-correlation", f"{gaussian}:TotalCorrelation", "total correlation of Gaussian codes, in nats")
    register(
        "wasserstein-correlation", f"{gaussian}:WassersteinCorrelation", "Gaussian codes' distance from independent"
    )
    register(
        "wasserstein-correlation-norm", f"{gaussian}:NormalisedWassersteinCorrelation", "the same over their variance"
    )
    register(
        "mutual-info-score",
        "harness_metrics.codes.code_information:CodeInformation",
        "information codes share, in nats",
    )
    register(
        "downstream-accuracy",
        "harness_metrics.codes.downstream:DownstreamAccuracy",
        "factors learnt from few or many codes",
    )
    register("mi-bound", "harness_metrics.mi_bound:MutualInformationBound", "InfoGAN's bound L_I on I(c; x), in nats")
    register("cluster-accuracy", "harness_metrics.cluster_accuracy:ClusterAccuracy", "categorical code against labels")
    register("inception-score", "harness_metrics.samples.inception_score:InceptionScore", "IS (Salimans et al., 2016)")
    register("mode-kl", "harness_metrics.samples.mode_kl:ModeKL", "how unevenly samples fall on classes, in nats")
    feature = "harness_metrics.samples.feature_distances"
    register("fid", f"{feature}:FrechetInceptionDistance", "Fréchet distance of samples (Heusel et al., 2017)")
    register("kid", f"{feature}:KernelInceptionDistance", "kernel distance of samples (Bińkowski et al., 2018)")
    overlap = "harness_metrics.samples.precision_recall"
    register("precision", f"{overlap}:Precision", "samples like real images (Kynkäänniemi et al., 2019)")
    register("recall", f"{overlap}:Recall", "real images like samples (Kynkäänniemi et al., 2019)")
    register("density", f"{overlap}:Density", "real images that samples are among (Naeem et al., 2020)")
    register("coverage", f"{overlap}:Coverage", "real images with samples near them (Naeem et al., 2020)")
    register("ms-ssim", "harness_metrics.samples.ms_ssim:MultiScaleSimilarity", "similarity of pairs of samples")
    register(
        "wasserstein-critic",
        "harness_metrics.samples.critic:WassersteinCritic",
        "samples and held-out images told apart",
    )
    register(
        "memorisation",
        "harness_metrics.samples.memorisation:Memorisation",
        "are samples nearer to the training images?",
    )
    register(
        "reconstruction-error", "harness_metrics.samples.reconstruction_error:ReconstructionError", "error per pixel"
    )
    register("pipe", "harness_metrics.samples.pipe:PIPE", "recombined codes told from real ones (Estermann, 2023)")
    register(
        "variation-predictability",
        "harness_metrics.samples.variation_predictability:VariationPredictability",
        "which code changed between two samples (Zhu et al., 2020)",
    )
    register("features-svm", "harness_metrics.samples.features_svm:FeaturesSVM", "labels told by a GAN's features")
