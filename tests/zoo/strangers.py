"""What strangers bring: awkward options and frames that nobody thought of when the emitters were written."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn import (
    base,
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    isotonic,
    kernel_approximation,
    linear_model,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    svm,
    tree,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.gaussian_process import kernels
from tests.zoo import tables
from tests.zoo.case import Case, Fitted, fit

__all__ = ["cases"]


make_pipeline, make_columns = pipeline.make_pipeline, compose.make_column_transformer
logistic = partial(linear_model.LogisticRegression, max_iter=500)
RNG = np.random.default_rng(21)


def _fitted(model: Any, X: Any, y: Any = None, fresh: Any = None) -> Fitted:
    model.fit(X, y)
    return Fitted(model=model, example=X, fresh=X[:40] if fresh is None else fresh)


def _three(model: Any, names: Any = None) -> Fitted:
    table = tables.three()
    return fit(model, table, None if names is None else np.array(names)[table.y])


def _two(model: Any, names: Any = None) -> Fitted:
    table = tables.binary()
    return fit(model, table, None if names is None else np.array(names)[table.y])


def _number(model: Any) -> Fitted:
    return fit(model, tables.regression())


def _holes(model: Any) -> Fitted:
    return fit(model, tables.numbers(holes=0.1))


def _wide(model: Any, width: int = 1000) -> Fitted:
    X = RNG.normal(size=(120, width))
    return _fitted(model, X, (X[:, 0] > X[:, -1]).astype(int), RNG.normal(size=(30, width)))


def _one_column(model: Any) -> Fitted:
    table = tables.regression()
    return _fitted(model, table.X[:, 2:3], table.y, table.fresh[:, 2:3])


def _constant(model: Any) -> Fitted:
    X = np.column_stack([np.full(80, 3.0), RNG.normal(size=80), np.zeros(80)])
    return _fitted(model, X, (X[:, 1] > 0).astype(int))


def _one_row(model: Any) -> Fitted:
    fitted = _three(model)
    return Fitted(model=fitted.model, example=fitted.example[:1], fresh=fitted.fresh)


def _frame(make: Any, change: Callable[[Any], Any] = lambda X: X, y: Any = None) -> Fitted:
    table = tables.people()
    X, fresh = change(table.X), change(table.fresh)
    return _fitted(make, X, table.y if y is None else y(table), fresh)


def _filled(X: Any) -> Any:
    return X[["age", "income (€)", "height"]].fillna(1.0)


def _counts(model: Any, kind: str = "float64") -> Fitted:
    X = RNG.poisson(2.0, (120, 6)).astype(kind)
    return _fitted(model, X, (X[:, 0] > X[:, 1]).astype(int), RNG.poisson(2.0, (50, 6)).astype(kind))


class Log(base.BaseEstimator, base.TransformerMixin):  # type: ignore[misc]
    """A transformer of a notebook: arithmetic of NumPy only."""

    def fit(self, X: Any, y: Any = None) -> Log:  # noqa: ARG002
        """Remember the largest values."""
        self.largest_ = np.asarray(X).max(axis=0)
        return self

    def transform(self, X: Any) -> Any:
        """Return logarithms of shares."""
        return np.log1p(np.abs(X) / self.largest_)


class Mean(base.RegressorMixin, base.BaseEstimator):  # type: ignore[misc]
    """A regressor of a notebook."""

    def fit(self, X: Any, y: Any) -> Mean:
        """Remember the mean."""
        self.mean_, self.n_features_in_ = float(np.mean(y)), X.shape[1]
        return self

    def predict(self, X: Any) -> Any:
        """Return the mean and a little of the first column."""
        return self.mean_ + 0.1 * np.asarray(X)[:, 0]


def _stacked() -> Fitted:
    table = tables.binary()
    members = [("a", logistic().fit(table.X, table.y)), ("b", naive_bayes.GaussianNB().fit(table.X, table.y))]
    return fit(ensemble.StackingClassifier(members, cv="prefit"), table)


def _labels(model: Any) -> Fitted:
    table = tables.three()
    return fit(
        model, table, np.column_stack([table.y == 1, table.X[:, 0] > 5.8, table.X[:, 1] > 3]).astype(int)
    )


CASES: dict[str, Callable[[], Fitted]] = {
    # labels
    "bool labels, forest": lambda: _two(ensemble.RandomForestClassifier(5, random_state=0), [False, True]),
    "Unicode labels, boosting": lambda: _three(
        ensemble.GradientBoostingClassifier(n_estimators=5), ["ß", "Ω≈", "日本"]
    ),
    "negative labels, SVC": lambda: _three(svm.SVC(), [-5, 0, 7]),
    "float labels, neighbours": lambda: _three(neighbors.KNeighborsClassifier(), [0.5, 1.5, 2.5]),
    "one class, dummy": lambda: _three(dummy.DummyClassifier(), ["a", "a", "a"]),
    "one class, tree": lambda: _three(tree.DecisionTreeClassifier(), [1, 1, 1]),
    "two of three classes in a part": lambda: _three(
        ensemble.BaggingClassifier(tree.DecisionTreeClassifier(), 8, max_samples=4, random_state=0)
    ),
    # shapes
    "a thousand columns, logistic": lambda: _wide(logistic()),
    "a thousand columns, forest": lambda: _wide(ensemble.RandomForestClassifier(5, random_state=0)),
    "two hundred columns, selected": lambda: _wide(
        make_pipeline(preprocessing.StandardScaler(), feature_selection.SelectKBest(k=5), logistic()), 200
    ),
    "one column, splines": lambda: _one_column(
        make_pipeline(preprocessing.SplineTransformer(), linear_model.Ridge())
    ),
    "one column, isotonic": lambda: _one_column(isotonic.IsotonicRegression()),
    "constant columns, scaled": lambda: _constant(make_pipeline(preprocessing.StandardScaler(), logistic())),
    "constant columns, naive": lambda: _constant(naive_bayes.GaussianNB()),
    "constant columns, QDA": lambda: _constant(
        discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.3)
    ),
    "one row of example": lambda: _one_row(make_pipeline(preprocessing.StandardScaler(), logistic())),
    "one row of example, forest": lambda: _one_row(ensemble.RandomForestClassifier(5, random_state=0)),
    # options
    "scaler, neither": lambda: _three(
        make_pipeline(preprocessing.StandardScaler(with_mean=False, with_std=False), logistic())
    ),
    "quantiles of few": lambda: _three(
        make_pipeline(
            preprocessing.QuantileTransformer(n_quantiles=7, subsample=50, random_state=0), logistic()
        )
    ),
    "bins by k-means": lambda: _three(
        make_pipeline(preprocessing.KBinsDiscretizer(4, strategy="kmeans", encode="onehot-dense"), logistic())
    ),
    "splines of quantiles, no bias": lambda: _number(
        make_pipeline(
            preprocessing.SplineTransformer(knots="quantile", include_bias=False, extrapolation="linear"),
            linear_model.Ridge(),
        )
    ),
    "polynomials of polynomials": lambda: _number(
        make_pipeline(
            preprocessing.PolynomialFeatures(2), preprocessing.PolynomialFeatures(2), linear_model.Ridge()
        )
    ),
    "iterated imputer of forests": lambda: _holes(
        make_pipeline(
            impute.IterativeImputer(
                ensemble.RandomForestRegressor(3, random_state=0), max_iter=2, random_state=0
            ),
            logistic(),
        )
    ),
    "neighbours impute, weighted": lambda: _holes(
        make_pipeline(impute.KNNImputer(weights="distance", add_indicator=True), logistic())
    ),
    "imputer, most frequent of floats": lambda: _holes(
        make_pipeline(
            impute.SimpleImputer(strategy="most_frequent"), tree.DecisionTreeClassifier(max_depth=4)
        )
    ),
    "missing values, forest": lambda: _holes(ensemble.RandomForestClassifier(8, random_state=0)),
    "missing values, extra trees": lambda: _holes(ensemble.ExtraTreesClassifier(8, random_state=0)),
    "missing values, bagging of trees": lambda: _holes(
        ensemble.BaggingClassifier(tree.DecisionTreeClassifier(max_depth=5), 6, random_state=0)
    ),
    "neighbours, Chebyshev": lambda: _three(neighbors.KNeighborsClassifier(metric="chebyshev")),
    "neighbours, scaled metric": lambda: _three(
        neighbors.KNeighborsClassifier(
            metric="seuclidean", metric_params={"V": np.ones(4)}, algorithm="brute"
        )
    ),
    "neighbours, own weights": lambda: _three(neighbors.KNeighborsClassifier(weights=lambda d: 1 / (1 + d))),
    "SVC, own kernel": lambda: _three(svm.SVC(kernel=lambda a, b: a @ b.T)),
    "SVC, one class of weights": lambda: _three(svm.SVC(class_weight={0: 5.0}, gamma="auto")),
    "process of sums": lambda: _number(
        gaussian_process.GaussianProcessRegressor(
            kernels.ConstantKernel() * kernels.RBF() + kernels.WhiteKernel(), random_state=0
        )
    ),
    "process classifier, one against one": lambda: _three(
        gaussian_process.GaussianProcessClassifier(multi_class="one_vs_one")
    ),
    "network without hidden layers": lambda: _three(
        neural_network.MLPClassifier((), max_iter=100, random_state=0)
    ),
    "multinomial Bayes of counts": lambda: _counts(naive_bayes.MultinomialNB()),
    "categorical Bayes of codes": lambda: _counts(naive_bayes.CategoricalNB(min_categories=20), "int64"),
    "Bernoulli Bayes, as they are": lambda: _counts(naive_bayes.BernoulliNB(binarize=None)),
    "complement Bayes of integers": lambda: _counts(naive_bayes.ComplementNB(), "int32"),
    "LDA by eigenvalues": lambda: _three(discriminant_analysis.LinearDiscriminantAnalysis(solver="eigen")),
    "LDA of two": lambda: _two(discriminant_analysis.LinearDiscriminantAnalysis()),
    "Tweedie of power 0": lambda: _number(linear_model.TweedieRegressor(power=0)),
    "SGD, epsilon": lambda: _number(
        make_pipeline(
            preprocessing.StandardScaler(),
            linear_model.SGDRegressor(loss="epsilon_insensitive", random_state=0),
        )
    ),
    "bagging of lines, some columns": lambda: _number(
        ensemble.BaggingRegressor(
            linear_model.Ridge(), 5, max_features=3, bootstrap_features=True, random_state=0
        )
    ),
    "voting of numbers, weighted": lambda: _number(
        ensemble.VotingRegressor(
            [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3)), ("c", "drop")],
            weights=[1, 3, 2],
        )
    ),
    "stacking of probabilities, dropped": lambda: _two(
        ensemble.StackingClassifier(
            [("a", logistic()), ("b", naive_bayes.GaussianNB())],
            stack_method="predict_proba",
            passthrough=True,
            cv=3,
        )
    ),
    "stacking, prefit": _stacked,
    "output codes": lambda: _three(multiclass.OutputCodeClassifier(logistic(), random_state=0)),
    "one against one of forests": lambda: _three(
        multiclass.OneVsOneClassifier(ensemble.RandomForestClassifier(4, random_state=0))
    ),
    "calibrated forest, isotonic of three": lambda: _three(
        calibration.CalibratedClassifierCV(
            ensemble.RandomForestClassifier(5, random_state=0), method="isotonic", cv=3
        )
    ),
    "isolation, subsampled": lambda: _three(
        ensemble.IsolationForest(
            n_estimators=10, max_samples=20, max_features=2, contamination=0.1, random_state=0
        )
    ),
    "local outliers, Manhattan": lambda: _three(
        neighbors.LocalOutlierFactor(novelty=True, metric="manhattan", contamination=0.1)
    ),
    "one-class SVM by descent": lambda: _three(linear_model.SGDOneClassSVM(random_state=0)),
    "minibatch k-means of pipelines": lambda: _three(
        make_pipeline(preprocessing.RobustScaler(), cluster.MiniBatchKMeans(4, random_state=0, n_init=1))
    ),
    "PCA by share, whitened": lambda: _two(
        make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(0.9, whiten=True), logistic())
    ),
    "kernel PCA, cosine": lambda: _three(decomposition.KernelPCA(2, kernel="cosine")),
    "kernel PCA, sigmoid": lambda: _three(decomposition.KernelPCA(2, kernel="sigmoid", gamma=0.01)),
    "ICA, unwhitened": lambda: _three(decomposition.FastICA(whiten=False, random_state=0, max_iter=500)),
    "PLS of one": lambda: _number(cross_decomposition.PLSRegression(1, scale=False)),
    "Nystroem, polynomial": lambda: _three(
        make_pipeline(
            kernel_approximation.Nystroem(kernel="polynomial", degree=2, n_components=10), logistic()
        )
    ),
    "random projection, logistic": lambda: _two(
        make_pipeline(random_projection.SparseRandomProjection(4, random_state=0), logistic())
    ),
    "random trees embedded": lambda: _three(
        make_pipeline(ensemble.RandomTreesEmbedding(4, max_depth=3, random_state=0), logistic())
    ),
    "RFE of trees": lambda: _two(
        make_pipeline(
            feature_selection.RFE(tree.DecisionTreeClassifier(random_state=0), n_features_to_select=3),
            logistic(),
        )
    ),
    "several labels, neighbours": lambda: _labels(neighbors.KNeighborsClassifier()),
    "several labels, chain of trees": lambda: _labels(
        multioutput.ClassifierChain(tree.DecisionTreeClassifier(max_depth=3), order="random", random_state=0)
    ),
    "several labels, network": lambda: _labels(
        neural_network.MLPClassifier((5,), max_iter=80, random_state=0)
    ),
    # notebooks
    "own transformer of NumPy": lambda: _three(make_pipeline(Log(), logistic())),
    "own regressor": lambda: _number(Mean()),
    "own regressor, target's logarithm": lambda: _fitted(
        compose.TransformedTargetRegressor(
            linear_model.Ridge(), func=lambda y: np.log(y + 1), inverse_func=lambda z: np.exp(z) - 1
        ),
        tables.regression().X,
        tables.regression().y,
        tables.regression().fresh,
    ),
    "target by quantiles": lambda: _number(
        compose.TransformedTargetRegressor(
            linear_model.Ridge(),
            transformer=preprocessing.QuantileTransformer(n_quantiles=20, output_distribution="normal"),
        )
    ),
    "lambdas in a union": lambda: _number(
        make_pipeline(
            pipeline.make_union(
                preprocessing.FunctionTransformer(lambda X: X[:, :2] * 2),
                preprocessing.FunctionTransformer(lambda X: np.sqrt(np.abs(X[:, 2:]))),
            ),
            linear_model.Ridge(),
        )
    ),
    "columns of an array": lambda: _three(
        make_pipeline(
            make_columns(
                (preprocessing.StandardScaler(), slice(0, 2)),
                (preprocessing.MinMaxScaler(), [3]),
                remainder=preprocessing.PowerTransformer(),
            ),
            logistic(),
        )
    ),
    "columns by a mask": lambda: _three(
        make_pipeline(
            make_columns(
                (preprocessing.StandardScaler(), [True, False, False, True]), remainder="passthrough"
            ),
            ensemble.HistGradientBoostingClassifier(max_iter=5),
        )
    ),
    "columns by a function": lambda: _frame(
        make_pipeline(
            make_columns(
                (
                    make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()),
                    lambda X: [name for name in X.columns if X[name].dtype.kind == "f"],
                ),
                (
                    preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
                    ["city"],
                ),
                verbose_feature_names_out=False,
            ),
            logistic(),
        )
    ),
    "nested columns": lambda: _frame(
        make_pipeline(
            make_columns(
                (
                    make_columns((preprocessing.StandardScaler(), ["age"]), ("passthrough", ["height"])),
                    ["age", "height"],
                ),
                (preprocessing.OneHotEncoder(drop="first", handle_unknown="ignore"), ["city"]),
            ),
            logistic(),
        )
    ),
    "pandas out, tree": lambda: _frame(
        make_pipeline(
            make_columns(
                (
                    preprocessing.OneHotEncoder(
                        sparse_output=False, min_frequency=20, handle_unknown="infrequent_if_exist"
                    ),
                    ["city"],
                ),
                (impute.SimpleImputer(add_indicator=True), ["income (€)", "height"]),
                verbose_feature_names_out=False,
            ),
            tree.DecisionTreeClassifier(max_depth=5, random_state=0),
        ).set_output(transform="pandas")
    ),
    "encoder with missing": lambda: _frame(
        make_pipeline(
            make_columns(
                (preprocessing.OneHotEncoder(handle_unknown="ignore"), ["note", "city"]),
                (
                    preprocessing.OrdinalEncoder(
                        encoded_missing_value=-2, handle_unknown="use_encoded_value", unknown_value=-7
                    ),
                    ["note"],
                ),
            ),
            tree.DecisionTreeClassifier(max_depth=6, random_state=0),
        )
    ),
    "target encoder of three": lambda: _frame(
        make_pipeline(
            make_columns(
                (preprocessing.TargetEncoder(random_state=0, smooth=3.0), ["city"]), ("passthrough", ["age"])
            ),
            logistic(),
        ),
        y=lambda table: np.digitize(table.X["age"], [35, 60]),
    ),
    "bool column one-hot": lambda: _frame(
        make_pipeline(
            make_columns((preprocessing.OneHotEncoder(), ["member"]), ("passthrough", ["age"])), logistic()
        )
    ),
    "bool column alone": lambda: _frame(logistic(), lambda X: X[["member", "age"]]),
    "frame of float32": lambda: _frame(
        make_pipeline(preprocessing.StandardScaler(), logistic()), lambda X: _filled(X).astype("float32")
    ),
    "frame of float32 and doubles": lambda: _frame(
        make_pipeline(preprocessing.StandardScaler(), ensemble.RandomForestClassifier(4, random_state=0)),
        lambda X: _filled(X).assign(height=X["height"].astype("float32")),
    ),
    "frame of small integers": lambda: _frame(
        make_pipeline(preprocessing.MinMaxScaler(), logistic()),
        lambda X: pd.DataFrame({"a": X["age"].astype("int8"), "b": X["age"].astype("uint16")}),
    ),
    "neighbours on a frame": lambda: _frame(
        make_pipeline(preprocessing.RobustScaler(), neighbors.KNeighborsRegressor(3, weights="distance")),
        _filled,
    ),
    "outliers on a frame": lambda: _frame(ensemble.IsolationForest(n_estimators=8, random_state=0), _filled),
}


def cases() -> Iterator[Case]:
    """Yield them all."""
    for name, make in CASES.items():
        yield Case(group="strangers", name=name, make=make)
