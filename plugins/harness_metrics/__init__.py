"""Built-in plugin: metrics."""

from harness.hookspecs import hookimpl
from harness.plugins import Register


@hookimpl
def harness_register_metrics(register: Register) -> None:
    """Disentanglement metrics on codes, and what InfoGAN reports of itself."""
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
    register("mi-bound", "harness_metrics.mi_bound:MutualInformationBound", "InfoGAN's bound L_I on I(c; x), in nats")
    register("cluster-accuracy", "harness_metrics.cluster_accuracy:ClusterAccuracy", "categorical code against labels")
