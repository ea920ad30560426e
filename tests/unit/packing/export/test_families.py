"""Emitters of whole families, each held to scikit-learn on shipped data sets and on rows far from them."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import (
    calibration,
    cluster,
    covariance,
    cross_decomposition,
    datasets,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    gaussian_process,
    impute,
    isotonic,
    kernel_approximation,
    kernel_ridge,
    linear_model,
    mixture,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    random_projection,
    semi_supervised,
    svm,
    tree,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.gaussian_process import kernels

R = 0
LOGISTIC = linear_model.LogisticRegression(max_iter=3000)
TREE = tree.DecisionTreeClassifier(max_depth=3, random_state=R)

THREE_CLASSES: dict[str, Any] = {
    "Gaussian Bayes": naive_bayes.GaussianNB(),
    "multinomial Bayes": naive_bayes.MultinomialNB(),
    "complement Bayes": naive_bayes.ComplementNB(norm=True),
    "Bernoulli Bayes": naive_bayes.BernoulliNB(binarize=3.0),
    "quadratic": discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.01),
    "Gaussian machine": svm.SVC(random_state=R),
    "linear machine": svm.SVC(kernel="linear"),
    "polynomial machine": svm.SVC(kernel="poly", degree=2, coef0=1.0, decision_function_shape="ovo"),
    "sigmoid machine": svm.SVC(kernel="sigmoid", break_ties=True),
    "machine with shares": svm.SVC(probability=True, random_state=R),
    "one against rest": multiclass.OneVsRestClassifier(LOGISTIC),
    "one against rest of trees": multiclass.OneVsRestClassifier(TREE),
    "one against one": multiclass.OneVsOneClassifier(svm.LinearSVC(random_state=R)),
    "one against one of trees": multiclass.OneVsOneClassifier(TREE),
    "output code": multiclass.OutputCodeClassifier(LOGISTIC, code_size=3, random_state=R),
    "bagged": ensemble.BaggingClassifier(TREE, 4, max_features=0.5, random_state=R),
    "bagged without shares": ensemble.BaggingClassifier(svm.LinearSVC(random_state=R), 4, random_state=R),
    "boosted": ensemble.AdaBoostClassifier(TREE, n_estimators=5, random_state=R),
    "calibrated by sigmoid": calibration.CalibratedClassifierCV(LOGISTIC, cv=2),
    "calibrated by steps": calibration.CalibratedClassifierCV(LOGISTIC, cv=2, method="isotonic"),
    "calibrated by temperature": calibration.CalibratedClassifierCV(LOGISTIC, cv=2, method="temperature"),
    "warm trees": calibration.CalibratedClassifierCV(TREE, cv=2, method="temperature"),
    "network": neural_network.MLPClassifier((7, 5), activation="tanh", max_iter=40, random_state=R),
    "propagated": semi_supervised.LabelPropagation(gamma=3.0),
    "dummy": dummy.DummyClassifier(strategy="most_frequent"),
}

TWO_CLASSES = {
    name: THREE_CLASSES[name]
    for name in (
        "quadratic", "Gaussian machine", "machine with shares", "one against rest", "one against one",
        "bagged", "boosted", "calibrated by sigmoid", "calibrated by steps", "calibrated by temperature",
        "network",
    )
}  # fmt: skip

REGRESSORS: dict[str, Any] = {
    "ridge of kernels": kernel_ridge.KernelRidge(kernel="rbf", gamma=1.5),
    "ridge of polynomials": kernel_ridge.KernelRidge(kernel="poly", degree=2),
    "ridge of Laplace": kernel_ridge.KernelRidge(kernel="laplacian", gamma=0.5),
    "process": gaussian_process.GaussianProcessRegressor(alpha=0.2, optimizer=None),
    "process of Matern": gaussian_process.GaussianProcessRegressor(
        kernels.ConstantKernel(2.0) * kernels.Matern(0.3, nu=1.5) + kernels.WhiteKernel(),
        normalize_y=True,
        optimizer=None,
    ),
    "process of many": gaussian_process.GaussianProcessRegressor(
        kernels.RationalQuadratic(0.4, 1.5) + kernels.ExpSineSquared(0.9, 2.0) * kernels.DotProduct(0.5) ** 2,
        alpha=0.5,
        optimizer=None,
    ),
    "process, very smooth": gaussian_process.GaussianProcessRegressor(
        kernels.Matern(0.3, nu=2.5) + kernels.Matern(0.3, nu=0.5), alpha=0.5, optimizer=None
    ),
    "support vectors": svm.SVR(kernel="poly", degree=2),
    "support vectors, nu": svm.NuSVR(C=10),
    "bagged": ensemble.BaggingRegressor(n_estimators=4, max_features=0.5, random_state=R),
    "boosted, a median": ensemble.AdaBoostRegressor(n_estimators=5, random_state=R),
    "robust": linear_model.RANSACRegressor(random_state=R),
    "dummy quantile": dummy.DummyRegressor(strategy="quantile", quantile=0.3),
    "partial least squares": cross_decomposition.PLSRegression(3),
}

OUTLIERS: dict[str, Any] = {
    "isolation": ensemble.IsolationForest(n_estimators=8, random_state=R),
    "envelope": covariance.EllipticEnvelope(random_state=R),
    "one class": svm.OneClassSVM(gamma=0.5),
    "one class by descent": linear_model.SGDOneClassSVM(random_state=R),
    "mixture": mixture.GaussianMixture(3, random_state=R),
    "tied mixture": mixture.GaussianMixture(2, covariance_type="tied", random_state=R),
    "diagonal mixture": mixture.GaussianMixture(3, covariance_type="diag", random_state=R),
    "round mixture": mixture.GaussianMixture(3, covariance_type="spherical", random_state=R),
    "Bayesian mixture": mixture.BayesianGaussianMixture(n_components=3, random_state=R),
    "k-means": cluster.KMeans(3, n_init=1, random_state=R),
    "bisected": cluster.BisectingKMeans(4, random_state=R),
    "birch": cluster.Birch(n_clusters=3),
    "shifted": cluster.MeanShift(bandwidth=1.5),
    "affine": cluster.AffinityPropagation(random_state=R),
}

TRANSFORMERS: dict[str, Any] = {
    "cluster distances": cluster.KMeans(3, n_init=1, random_state=R),
    "quantiles": preprocessing.QuantileTransformer(n_quantiles=25, random_state=R),
    "normal quantiles": preprocessing.QuantileTransformer(
        n_quantiles=25, output_distribution="normal", random_state=R
    ),
    "Yeo-Johnson": preprocessing.PowerTransformer(),
    "Box-Cox": preprocessing.PowerTransformer(method="box-cox", standardize=False),
    "splines": preprocessing.SplineTransformer(n_knots=4, degree=3, extrapolation="linear"),
    "spline ends": preprocessing.SplineTransformer(n_knots=5, degree=2, include_bias=False),
    "kernel components": decomposition.KernelPCA(3, kernel="rbf", gamma=0.3, random_state=R),
    "polynomial components": decomposition.KernelPCA(2, kernel="poly", random_state=R),
    "kernel map": kernel_approximation.Nystroem(n_components=8, random_state=R),
    "Fourier map": kernel_approximation.RBFSampler(n_components=8, random_state=R),
    "chi-squared": kernel_approximation.AdditiveChi2Sampler(sample_steps=3),
    "skewed chi-squared": kernel_approximation.SkewedChi2Sampler(n_components=6, random_state=R),
    "sketch": kernel_approximation.PolynomialCountSketch(degree=3, n_components=16, coef0=1, random_state=R),
    "factors": decomposition.FactorAnalysis(2, random_state=R),
    "independent": decomposition.FastICA(2, random_state=R, whiten="unit-variance"),
    "random projection": random_projection.GaussianRandomProjection(3, random_state=R),
    "sparse projection": random_projection.SparseRandomProjection(3, random_state=R, density=0.5),
    "canonical": cross_decomposition.CCA(1),
    "singular": cross_decomposition.PLSSVD(1),
    "embedded": ensemble.RandomTreesEmbedding(4, max_depth=3, random_state=R, sparse_output=False),
    "term weights": TfidfTransformer(sublinear_tf=True),
    "agglomerated": cluster.FeatureAgglomeration(2),
    "Boltzmann": neural_network.BernoulliRBM(3, random_state=R),
    "neighbourhood": neighbors.NeighborhoodComponentsAnalysis(2, max_iter=10, random_state=R),
}


def fitted(model: Any, X: Any, y: Any = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y) if y is not None else model.fit(X)


@pytest.mark.parametrize("name", THREE_CLASSES)
def test_three_classes(name: str, agree: Callable[..., Any]) -> None:
    X, y = datasets.load_iris(return_X_y=True)
    agree(fitted(THREE_CLASSES[name], X, y), X, X[::3] * 1.2, X[:1], tolerance=1e-10)


@pytest.mark.parametrize("name", TWO_CLASSES)
def test_two_classes(name: str, agree: Callable[..., Any]) -> None:
    X, y = datasets.load_iris(return_X_y=True)
    agree(fitted(TWO_CLASSES[name], X, y == 1), X, X[::3] * 1.2, X[:1], tolerance=1e-10)


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_number(name: str, agree: Callable[..., Any]) -> None:
    X, y = datasets.load_diabetes(return_X_y=True)
    X = X[:150, :5] * 10
    agree(fitted(REGRESSORS[name], X, y[:150]), X, X[:40] * 1.5, X[:1], tolerance=1e-9)


@pytest.mark.parametrize("name", OUTLIERS)
def test_without_targets(name: str, agree: Callable[..., Any]) -> None:
    X, _ = datasets.load_iris(return_X_y=True)
    agree(fitted(OUTLIERS[name], X), X, X[::3] * 1.2, X[:1], tolerance=1e-9)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_table(name: str, agree: Callable[..., Any]) -> None:
    X, y = datasets.load_iris(return_X_y=True)
    model = fitted(TRANSFORMERS[name], X, y.astype(float))
    agree(model, X, X[::3] * 1.2, X[:1], tolerance=1e-9, methods=["transform"])


@pytest.mark.parametrize("out_of_bounds", ["nan", "clip"])
def test_steps_beyond_their_ends(out_of_bounds: Any, agree: Callable[..., Any]) -> None:
    X = np.linspace(0, 1, 50)[:, None]
    y = np.round(X[:, 0], 1) + np.sin(np.arange(50)) / 20
    model = isotonic.IsotonicRegression(out_of_bounds=out_of_bounds).fit(X, y)
    agree(model, X, np.linspace(-1, 2, 77)[:, None], methods=["predict"])


@pytest.mark.parametrize("kernel", ["gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine"])
def test_a_density(kernel: Any, agree: Callable[..., Any]) -> None:
    X, _ = datasets.load_iris(return_X_y=True)
    model = neighbors.KernelDensity(kernel=kernel, bandwidth=0.7).fit(X, sample_weight=np.arange(1, 151))
    agree(model, X, X[:30] * 1.1, X[:2] * 9, methods=["score_samples"], tolerance=1e-10)


def test_codes_of_categories(agree: Callable[..., Any]) -> None:
    rng = np.random.default_rng(2)
    X = rng.integers(0, 4, (80, 3))
    agree(naive_bayes.CategoricalNB().fit(X, rng.integers(0, 3, 80)), X, X + 0)


@pytest.mark.parametrize(
    "options", [{}, {"imputation_order": "roman", "max_iter": 2}, {"add_indicator": True}]
)
def test_columns_guessed_from_each_other(options: dict[str, Any], agree: Callable[..., Any]) -> None:
    X, _ = datasets.load_iris(return_X_y=True)
    holes = X.copy()
    holes[::7, 0] = holes[1::5, 2] = holes[3::4, 3] = np.nan
    model = fitted(impute.IterativeImputer(random_state=R, **options), holes)
    agree(model, holes, holes[:40] * 1.1, X[:5], tolerance=1e-10)


LABELS: dict[str, tuple[Any, list[str]]] = {
    "tree": (tree.DecisionTreeClassifier(max_depth=4, random_state=R), ["predict"]),
    "forest": (ensemble.RandomForestClassifier(5, random_state=R), ["predict"]),
    "each": (multioutput.MultiOutputClassifier(LOGISTIC), ["predict"]),
    "chain": (multioutput.ClassifierChain(LOGISTIC, order=[1, 0, 2]), ["predict", "predict_proba"]),
    "chain of shares": (
        multioutput.ClassifierChain(LOGISTIC, chain_method="predict_proba"),
        ["predict", "predict_proba"],
    ),
    "network": (
        neural_network.MLPClassifier((6,), max_iter=60, random_state=R),
        ["predict", "predict_proba"],
    ),
    "one against rest": (multiclass.OneVsRestClassifier(LOGISTIC), ["predict", "predict_proba"]),
}


@pytest.mark.parametrize("name", LABELS)
def test_several_labels_at_once(name: str, agree: Callable[..., Any]) -> None:
    X, y = datasets.load_iris(return_X_y=True)
    model, methods = LABELS[name]
    agree(fitted(model, X, np.c_[y == 0, X[:, 0] > 5.5, y == 2].astype(int)), X, X[:9], methods=methods)


def test_an_infinite_score_of_a_pair_spoils_no_other_class(agree: Callable[..., Any]) -> None:
    X, y = datasets.load_iris(return_X_y=True)
    far = X[:4].copy()
    far[np.arange(4), np.arange(4)] = 1.7e308
    with np.errstate(all="ignore"):
        agree(svm.SVC(kernel="linear").fit(X, y), X, far)


def test_every_denial_leaves_a_row_of_zeros(agree: Callable[..., Any]) -> None:
    X, y = datasets.load_iris(return_X_y=True)
    model = multiclass.OneVsRestClassifier(tree.DecisionTreeClassifier(random_state=R)).fit(X, y)
    between = np.random.default_rng(5).uniform(X.min(axis=0), X.max(axis=0), (400, 4))
    assert (model.predict_proba(between).sum(axis=1) == 0).any()
    agree(model, X, between, tolerance=0)
