"""Awkward options of ordinary estimators, odd labels and element types: where converters go wrong."""

# ruff: noqa: ANN401 - functions take and give anything
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import (
    calibration,
    cluster,
    compose,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    isotonic,
    kernel_ridge,
    linear_model,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from tests.zoo import tables
from tests.zoo.case import Case, Fitted, fit

if TYPE_CHECKING:
    from tests.zoo.tables import Table

__all__ = ["cases"]

Make = Callable[[], Any]
R = 0

CLASSIFIERS: dict[str, Make] = {
    "logistic, no intercept": lambda: linear_model.LogisticRegression(fit_intercept=False, max_iter=2000),
    "logistic liblinear": lambda: linear_model.LogisticRegression(solver="liblinear"),
    "logistic l1 saga": lambda: linear_model.LogisticRegression(
        solver="saga", l1_ratio=1.0, max_iter=300, random_state=R
    ),
    "logistic, balanced": lambda: linear_model.LogisticRegression(class_weight="balanced", max_iter=2000),
    "SGD log loss": lambda: linear_model.SGDClassifier(loss="log_loss", random_state=R),
    "SGD modified huber": lambda: linear_model.SGDClassifier(loss="modified_huber", random_state=R),
    "SGD hinge, averaged": lambda: linear_model.SGDClassifier(average=True, random_state=R),
    "LDA svd": discriminant_analysis.LinearDiscriminantAnalysis,
    "LDA shrunk": lambda: discriminant_analysis.LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "QDA": lambda: discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1),
    "tree, entropy": lambda: tree.DecisionTreeClassifier(criterion="entropy", random_state=R),
    "tree, pruned": lambda: tree.DecisionTreeClassifier(ccp_alpha=0.02, random_state=R),
    "stump": lambda: tree.DecisionTreeClassifier(max_depth=1, random_state=R),
    "forest, weighted": lambda: ensemble.RandomForestClassifier(12, class_weight="balanced", random_state=R),
    "extra trees": lambda: ensemble.ExtraTreesClassifier(12, bootstrap=True, random_state=R),
    "boosting, started": lambda: ensemble.GradientBoostingClassifier(
        n_estimators=8, init=linear_model.LogisticRegression(max_iter=2000), random_state=R
    ),
    "boosting from zero": lambda: ensemble.GradientBoostingClassifier(
        n_estimators=8, init="zero", random_state=R
    ),
    "histogram, deep": lambda: ensemble.HistGradientBoostingClassifier(max_iter=15, max_leaf_nodes=None),
    "histogram, monotonic": lambda: ensemble.HistGradientBoostingClassifier(
        max_iter=15, l2_regularization=2.0
    ),
    "AdaBoost of trees": lambda: ensemble.AdaBoostClassifier(
        tree.DecisionTreeClassifier(max_depth=2, random_state=R), n_estimators=8, random_state=R
    ),
    "bagging of trees": lambda: ensemble.BaggingClassifier(n_estimators=6, random_state=R),
    "bagging, some columns": lambda: ensemble.BaggingClassifier(
        linear_model.LogisticRegression(max_iter=2000), n_estimators=5, max_features=0.6, random_state=R
    ),
    "bagging without probabilities": lambda: ensemble.BaggingClassifier(
        svm.LinearSVC(random_state=R), n_estimators=5, random_state=R
    ),
    "neighbours by distance": lambda: neighbors.KNeighborsClassifier(weights="distance"),
    "neighbours, Manhattan": lambda: neighbors.KNeighborsClassifier(3, p=1),
    "neighbours, cosine": lambda: neighbors.KNeighborsClassifier(3, metric="cosine"),
    "neighbours within a radius": lambda: neighbors.RadiusNeighborsClassifier(50.0),
    "centroids, shrunk": lambda: neighbors.NearestCentroid(shrink_threshold=0.1),
    "SVC linear": lambda: svm.SVC(kernel="linear"),
    "SVC polynomial": lambda: svm.SVC(kernel="poly", degree=2, coef0=1.0),
    "SVC sigmoid": lambda: svm.SVC(kernel="sigmoid"),
    "SVC one against one": lambda: svm.SVC(decision_function_shape="ovo"),
    "SVC, ties broken": lambda: svm.SVC(break_ties=True),
    "SVC with probabilities": lambda: svm.SVC(probability=True, random_state=R),
    "NuSVC with probabilities": lambda: svm.NuSVC(nu=0.2, probability=True, random_state=R),
    "NuSVC": lambda: svm.NuSVC(nu=0.3),
    "MLP tanh": lambda: neural_network.MLPClassifier((8,), activation="tanh", max_iter=60, random_state=R),
    "MLP logistic, two layers": lambda: neural_network.MLPClassifier(
        (8, 5), activation="logistic", max_iter=60, random_state=R
    ),
    "Gaussian process": lambda: gaussian_process.GaussianProcessClassifier(random_state=R),
    "Bernoulli Bayes": lambda: naive_bayes.BernoulliNB(binarize=3.0),
    "complement Bayes": lambda: naive_bayes.ComplementNB(norm=True),
    "Gaussian Bayes, priors": lambda: naive_bayes.GaussianNB(var_smoothing=1e-3),
    "calibrated sigmoid": lambda: calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=R), cv=3),
    "calibrated isotonic": lambda: calibration.CalibratedClassifierCV(
        linear_model.LogisticRegression(max_iter=2000), method="isotonic", cv=3
    ),
    "calibrated temperature": lambda: calibration.CalibratedClassifierCV(
        linear_model.LogisticRegression(max_iter=2000), method="temperature", cv=3
    ),
    "calibrated, one for all": lambda: calibration.CalibratedClassifierCV(
        ensemble.RandomForestClassifier(8, random_state=R), ensemble=False, cv=3
    ),
    "one against rest of SVC": lambda: multiclass.OneVsRestClassifier(svm.SVC()),
    "one against rest of trees": lambda: multiclass.OneVsRestClassifier(
        tree.DecisionTreeClassifier(random_state=R)
    ),
    "one against one of SVC": lambda: multiclass.OneVsOneClassifier(svm.LinearSVC(random_state=R)),
    "voting, hard": lambda: ensemble.VotingClassifier(_members(), voting="hard"),
    "voting, soft, weighted": lambda: ensemble.VotingClassifier(_members(), voting="soft", weights=[1, 2]),
    "stacking, passthrough": lambda: ensemble.StackingClassifier(_members(), passthrough=True, cv=3),
    "dummy prior": lambda: dummy.DummyClassifier(strategy="prior"),
    "dummy stratified": lambda: dummy.DummyClassifier(strategy="stratified", random_state=R),
    "dummy uniform, unseeded": lambda: dummy.DummyClassifier(strategy="uniform"),
    "search": lambda: model_selection.GridSearchCV(
        tree.DecisionTreeClassifier(random_state=R), {"max_depth": [2, 4]}, cv=3
    ),
}

REGRESSORS: dict[str, Make] = {
    "lasso": lambda: linear_model.Lasso(alpha=0.5),
    "Tweedie 1.5": lambda: linear_model.TweedieRegressor(power=1.5, max_iter=500),
    "quantile": lambda: linear_model.QuantileRegressor(quantile=0.8, alpha=0.1),
    "RANSAC": lambda: linear_model.RANSACRegressor(random_state=R),
    "forest, absolute error": lambda: ensemble.RandomForestRegressor(
        6, criterion="absolute_error", max_depth=5, random_state=R
    ),
    "forest, Poisson": lambda: ensemble.RandomForestRegressor(6, criterion="poisson", random_state=R),
    "boosting, quantile": lambda: ensemble.GradientBoostingRegressor(
        loss="quantile", alpha=0.9, n_estimators=10, random_state=R
    ),
    "boosting, huber": lambda: ensemble.GradientBoostingRegressor(
        loss="huber", n_estimators=10, random_state=R
    ),
    "histogram, Poisson": lambda: ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=15),
    "histogram, gamma": lambda: ensemble.HistGradientBoostingRegressor(loss="gamma", max_iter=15),
    "histogram, quantile": lambda: ensemble.HistGradientBoostingRegressor(
        loss="quantile", quantile=0.3, max_iter=15
    ),
    "AdaBoost": lambda: ensemble.AdaBoostRegressor(n_estimators=6, random_state=R),
    "bagging": lambda: ensemble.BaggingRegressor(n_estimators=6, max_features=0.5, random_state=R),
    "neighbours by distance": lambda: neighbors.KNeighborsRegressor(weights="distance"),
    "SVR polynomial": lambda: svm.SVR(kernel="poly", degree=2),
    "NuSVR": lambda: svm.NuSVR(C=10),
    "MLP tanh": lambda: neural_network.MLPRegressor(
        hidden_layer_sizes=(6,), activation="tanh", max_iter=60, random_state=R
    ),
    "Gaussian process": lambda: gaussian_process.GaussianProcessRegressor(alpha=0.1),
    "Gaussian process, normalised": lambda: gaussian_process.GaussianProcessRegressor(
        gaussian_process.kernels.RBF(2.0) + gaussian_process.kernels.WhiteKernel(), normalize_y=True
    ),
    "stacking": lambda: ensemble.StackingRegressor(
        [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))], cv=3
    ),
    "target scaled": lambda: compose.TransformedTargetRegressor(
        linear_model.Ridge(), transformer=preprocessing.StandardScaler()
    ),
    "target's square root": lambda: compose.TransformedTargetRegressor(
        linear_model.Ridge(), func=np.sqrt, inverse_func=np.square
    ),
    "isotonic, outside is nothing": lambda: pipeline.make_pipeline(
        feature_selection.SelectKBest(k=1), isotonic.IsotonicRegression()
    ),
    "kernel ridge, Gaussian": lambda: kernel_ridge.KernelRidge(kernel="rbf", gamma=2.0),
    "kernel ridge, polynomial": lambda: kernel_ridge.KernelRidge(kernel="poly", degree=2),
    "process, Matern": lambda: gaussian_process.GaussianProcessRegressor(
        gaussian_process.kernels.ConstantKernel() * gaussian_process.kernels.Matern(nu=1.5)
        + gaussian_process.kernels.DotProduct(),
        alpha=0.5,
        optimizer=None,
    ),
    "process, quadratic": lambda: gaussian_process.GaussianProcessRegressor(
        gaussian_process.kernels.RationalQuadratic(alpha=2.0), alpha=0.5, optimizer=None
    ),
    "neighbours, ball tree": lambda: neighbors.KNeighborsRegressor(algorithm="ball_tree"),
    "neighbours, Minkowski 3": lambda: neighbors.KNeighborsRegressor(p=3),
    "neighbours, brute": lambda: neighbors.KNeighborsRegressor(algorithm="brute"),
    "neighbours within": lambda: neighbors.RadiusNeighborsRegressor(0.1, weights="distance"),
    "dummy median": lambda: dummy.DummyRegressor(strategy="median"),
}

SEVERAL: dict[str, Make] = {
    "linear": linear_model.LinearRegression,
    "tree": lambda: tree.DecisionTreeRegressor(max_depth=4, random_state=R),
    "forest": lambda: ensemble.RandomForestRegressor(6, random_state=R),
    "neighbours": neighbors.KNeighborsRegressor,
    "MLP": lambda: neural_network.MLPRegressor(hidden_layer_sizes=(6,), max_iter=60, random_state=R),
    "each for itself": lambda: multioutput.MultiOutputRegressor(
        ensemble.HistGradientBoostingRegressor(max_iter=8, random_state=R)
    ),
    "chain": lambda: multioutput.RegressorChain(linear_model.Ridge(), order=[1, 0]),
    "dummy": dummy.DummyRegressor,
}

TRANSFORMERS: dict[str, Make] = {
    "scaler without mean": lambda: preprocessing.StandardScaler(with_mean=False),
    "min-max, clipped": lambda: preprocessing.MinMaxScaler((-1, 2), clip=True),
    "robust": lambda: preprocessing.RobustScaler(quantile_range=(10, 90), unit_variance=True),
    "normaliser l1": lambda: preprocessing.Normalizer("l1"),
    "normaliser max": lambda: preprocessing.Normalizer("max"),
    "bins, one-hot": lambda: preprocessing.KBinsDiscretizer(
        4, encode="onehot", quantile_method="averaged_inverted_cdf"
    ),
    "bins, uniform": lambda: preprocessing.KBinsDiscretizer(4, encode="ordinal", strategy="uniform"),
    "polynomial, interactions": lambda: preprocessing.PolynomialFeatures(3, interaction_only=True),
    "polynomial (2, 3)": lambda: preprocessing.PolynomialFeatures((2, 3), include_bias=False),
    "splines": lambda: preprocessing.SplineTransformer(n_knots=4, degree=2),
    "splines, constant": lambda: preprocessing.SplineTransformer(extrapolation="constant"),
    "splines, continued": lambda: preprocessing.SplineTransformer(
        extrapolation="continue", include_bias=False
    ),
    "splines, periodic": lambda: preprocessing.SplineTransformer(extrapolation="periodic"),
    "Box-Cox": lambda: preprocessing.PowerTransformer(method="box-cox"),
    "Yeo-Johnson": preprocessing.PowerTransformer,
    "Yeo-Johnson, raw": lambda: preprocessing.PowerTransformer(standardize=False),
    "quantiles to normal": lambda: preprocessing.QuantileTransformer(
        n_quantiles=30, output_distribution="normal", random_state=R
    ),
    "log1p of absolute": lambda: preprocessing.FunctionTransformer(np.abs),
    "sine": lambda: preprocessing.FunctionTransformer(np.sin),
    "a lambda": lambda: preprocessing.FunctionTransformer(lambda X: X * 2),
    "logarithms of sizes": lambda: preprocessing.FunctionTransformer(lambda X: np.log1p(np.abs(X))),
    "a ratio of columns": lambda: preprocessing.FunctionTransformer(
        lambda X: np.column_stack([X[:, 0] / X[:, 1], X[:, 2] ** 2])
    ),
    "hours on a circle": lambda: preprocessing.FunctionTransformer(_on_a_circle, kw_args={"period": 24}),
    "negative cut off": lambda: preprocessing.FunctionTransformer(lambda X: np.where(X > 4, X, 0.0)),
    "clipped, in place": lambda: preprocessing.FunctionTransformer(_in_place),
    "PCA, whitened": lambda: decomposition.PCA(2, whiten=True, svd_solver="full"),
    "truncated SVD": lambda: decomposition.TruncatedSVD(2, random_state=R),
    "NMF": lambda: decomposition.NMF(2, init="nndsvda", max_iter=300, random_state=R),
    "imputer, indicator": lambda: impute.SimpleImputer(add_indicator=True),
    "imputer, median": lambda: impute.SimpleImputer(strategy="median"),
    "imputer, most frequent": lambda: impute.SimpleImputer(strategy="most_frequent"),
    "imputer, constant": lambda: impute.SimpleImputer(strategy="constant", fill_value=-1.5),
    "neighbours impute": lambda: impute.KNNImputer(n_neighbors=3),
    "indicator, all": lambda: impute.MissingIndicator(features="all"),
    "kernel map": lambda: __import__("sklearn.kernel_approximation").kernel_approximation.Nystroem(
        n_components=6, random_state=R
    ),
    "fast ICA": lambda: decomposition.FastICA(2, random_state=R, whiten="unit-variance"),
    "cluster distances": lambda: cluster.KMeans(3, n_init=2, random_state=R),
    "agglomerated": lambda: cluster.FeatureAgglomeration(2),
    "variance threshold": lambda: feature_selection.VarianceThreshold(0.3),
}

KINDS = ("float32", "int64", "int32", "uint8", "bool")
FAMILIES: dict[str, Make] = {
    "logistic": lambda: linear_model.LogisticRegression(max_iter=500),
    "tree": lambda: tree.DecisionTreeClassifier(random_state=R),
    "histogram": lambda: ensemble.HistGradientBoostingClassifier(max_iter=8),
    "scaler": preprocessing.StandardScaler,
    "neighbours": neighbors.KNeighborsClassifier,
}
FAR = {
    "thousands": 1e3,
    "timestamps": 1.7e9,
    "ids": 1e12,
}


def _on_a_circle(X: Any, period: float) -> Any:
    angle = 2 * np.pi * X / period
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def _in_place(X: Any) -> Any:
    X = X.copy()
    X[:, 0] = np.sqrt(X[:, 1])
    X[X > 6] = 6
    return X


def _members() -> list[tuple[str, Any]]:
    return [
        ("a", linear_model.LogisticRegression(max_iter=2000)),
        ("b", tree.DecisionTreeClassifier(max_depth=3, random_state=R)),
    ]


def _fit(make: Make, table: Callable[[], Table], label: str = "") -> Fitted:
    found = table()
    return fit(make(), found, tables.labels(found.y, label) if label else None)


def _several(make: Make) -> Fitted:
    table = tables.regression()
    return fit(make(), table, np.column_stack([table.y, table.X[:, 0] * 100 - table.y]))


def _multilabel(make: Make) -> Fitted:
    table = tables.three()
    return fit(make(), table, np.column_stack([table.y == 1, table.X[:, 0] > 5.8]).astype(int))


MULTILABEL: dict[str, Make] = {
    "tree": lambda: tree.DecisionTreeClassifier(max_depth=3, random_state=R),
    "forest": lambda: ensemble.RandomForestClassifier(6, random_state=R),
    "neighbours": neighbors.KNeighborsClassifier,
    "MLP": lambda: neural_network.MLPClassifier((6,), max_iter=60, random_state=R),
    "one against rest": lambda: multiclass.OneVsRestClassifier(
        linear_model.LogisticRegression(max_iter=2000)
    ),
}

QUICK = {
    "neighbours by distance", "tree, entropy", "histogram, Poisson", "voting, hard", "quantiles to normal",
    "imputer, indicator", "splines", "calibrated isotonic", "QDA",
}  # fmt: skip


def cases() -> Iterator[Case]:
    """Yield the cases of all groups above."""
    for name, make in CLASSIFIERS.items():
        quick = name in QUICK
        yield Case(
            group="options", name=f"{name}, 3 classes", make=partial(_fit, make, tables.three), quick=quick
        )
        yield Case(group="options", name=f"{name}, 2 classes", make=partial(_fit, make, tables.binary))
    for name, make in REGRESSORS.items():
        quick = name in QUICK
        yield Case(
            group="options",
            name=f"{name}, regression",
            make=partial(_fit, make, tables.regression),
            quick=quick,
        )
    for name, make in SEVERAL.items():
        yield Case(group="options", name=f"{name}, several numbers", make=partial(_several, make))
    for name, make in MULTILABEL.items():
        yield Case(group="options", name=f"{name}, several labels", make=partial(_multilabel, make))
    for name, make in TRANSFORMERS.items():
        table = (
            partial(tables.numbers, holes=0.1)
            if name.startswith(("imputer", "neighbours", "indi"))
            else tables.three
        )
        yield Case(group="transformers", name=name, make=partial(_fit, make, table), quick=name in QUICK)
    yield from _types()


def _types() -> Iterator[Case]:
    for kind in KINDS:
        for name, make in FAMILIES.items():
            table = partial(tables.numbers, kind)
            yield Case(
                group="types",
                name=f"{name} on {kind}",
                make=partial(_fit, make, table),
                quick=kind == "float32",
            )
    for far, offset in FAR.items():
        for name, make in FAMILIES.items():
            table = partial(tables.numbers, offset=offset)
            yield Case(group="types", name=f"{name} on {far}", make=partial(_fit, make, table))
    for name in ("tree", "histogram"):
        table = partial(tables.numbers, holes=0.1)
        yield Case(
            group="types", name=f"{name} with holes", make=partial(_fit, FAMILIES[name], table), quick=True
        )
    for label in ("text", "object", "bool", "int8", "large", "negative"):
        for name in ("logistic", "tree", "histogram"):
            data = tables.binary if label == "bool" else tables.three
            make = partial(_fit, FAMILIES[name], data, label)
            yield Case(group="labels", name=f"{name} with {label} labels", make=make, quick=name == "tree")
