"""Built-in plugin: metrics."""

from harness.hookspecs import hookimpl
from harness.plugins import Register


@hookimpl
def harness_register_metrics(register: Register) -> None:
    """Disentanglement metrics on codes, with or without factors, and what InfoGAN reports of itself."""
    register("factorvae", "harness_metrics.factorvae:FactorVAEScore", "FactorVAE score (Kim & Mnih, 2018)")
    register("betavae", "harness_metrics.betavae:BetaVAEScore", "BetaVAE score (Higgins et al., 2017)")
    register("mig", "harness_metrics.mig:MutualInformationGap", "mutual information gap (Chen et al., 2018)")
    register("dci", "harness_metrics.dci:DCI", "DCI disentanglement (Eastwood & Williams, 2018)")
    register("dci-lasso", "harness_metrics.dci_regression:DCILasso", "DCI with a lasso (Lin et al., 2020)")
    register("dci-lassocv", "harness_metrics.dci_regression:DCILassoCV", "DCI with a cross-validated lasso")
    register("dci-forest", "harness_metrics.dci_regression:DCIForest", "DCI with random forests (Lin et al., 2020)")
    register("sap", "harness_metrics.sap:SAP", "SAP with squared correlations (Kumar et al., 2018)")
    register("sap-discrete", "harness_metrics.sap:DiscreteSAP", "SAP with linear classifiers (Kumar et al., 2018)")
    register("modularity", "harness_metrics.modularity:Modularity", "modularity (Ridgeway & Mozer, 2018)")
    register("explicitness", "harness_metrics.explicitness:Explicitness", "explicitness (Ridgeway & Mozer, 2018)")
    register("irs", "harness_metrics.irs:InterventionalRobustness", "interventional robustness (Suter et al., 2019)")
    register("dhsic", "harness_metrics.dhsic:DHSIC", "dependence of codes by kernels (Pfister et al., 2018)")
    gaussian = "harness_metrics.gaussian_correlation"
    register("total-correlation", f"{gaussian}:TotalCorrelation", "total correlation of Gaussian codes, in nats")
    register(
        "wasserstein-correlation", f"{gaussian}:WassersteinCorrelation", "Gaussian codes' distance from independent"
    )
    register(
        "wasserstein-correlation-norm", f"{gaussian}:NormalisedWassersteinCorrelation", "the same over their variance"
    )
    register(
        "mutual-info-score", "harness_metrics.code_information:CodeInformation", "information codes share, in nats"
    )
    register(
        "downstream-accuracy", "harness_metrics.downstream:DownstreamAccuracy", "factors learnt from few or many codes"
    )
    register("mi-bound", "harness_metrics.mi_bound:MutualInformationBound", "InfoGAN's bound L_I on I(c; x), in nats")
    register("cluster-accuracy", "harness_metrics.cluster_accuracy:ClusterAccuracy", "categorical code against labels")
    register("inception-score", "harness_metrics.inception_score:InceptionScore", "IS (Salimans et al., 2016)")
    register("mode-kl", "harness_metrics.mode_kl:ModeKL", "how unevenly samples fall on classes, in nats")
    feature = "harness_metrics.feature_distances"
    register("fid", f"{feature}:FrechetInceptionDistance", "Fréchet distance of samples (Heusel et al., 2017)")
    register("kid", f"{feature}:KernelInceptionDistance", "kernel distance of samples (Bińkowski et al., 2018)")
    register("ms-ssim", "harness_metrics.ms_ssim:MultiScaleSimilarity", "similarity of pairs of samples")
    register("wasserstein-critic", "harness_metrics.critic:WassersteinCritic", "samples and held-out images told apart")
    register("memorisation", "harness_metrics.memorisation:Memorisation", "are samples nearer to the training images?")
    register("reconstruction-error", "harness_metrics.reconstruction_error:ReconstructionError", "error per pixel")
    register("features-svm", "harness_metrics.features_svm:FeaturesSVM", "labels told by a GAN's features")
