"""Which emitter answers for which class, and the scope through which emitters compose."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from mlpack.packing.export.graph import Columns, GraphBuilder, Tensor, Unsupported
from mlpack.packing.export.plugins import Plugin, find_plugin
from mlpack.packing.export.sparse_rows import kept_sparse
from mlpack.packing.export.watching.calls import traced

if TYPE_CHECKING:
    from mlpack.format.contract import Method

__all__ = ["FAMILIES", "Fitted", "Scope", "family_of", "public_name"]

Fitted: TypeAlias = Any
"""A fitted estimator; scikit-learn ships no types."""

FAMILIES: dict[str, str] = {
    name: module
    for module, names in {
        "composition": (
            "sklearn.pipeline.Pipeline",
            "sklearn.pipeline.FeatureUnion",
            "sklearn.compose.ColumnTransformer",
        ),
        "delegation": (
            "sklearn.model_selection.GridSearchCV",
            "sklearn.model_selection.RandomizedSearchCV",
            "sklearn.model_selection.HalvingGridSearchCV",
            "sklearn.model_selection.HalvingRandomSearchCV",
            "sklearn.model_selection.FixedThresholdClassifier",
            "sklearn.model_selection.TunedThresholdClassifierCV",
            "sklearn.frozen.FrozenEstimator",
            "sklearn.semi_supervised.SelfTrainingClassifier",
            "sklearn.compose.TransformedTargetRegressor",
            "sklearn.linear_model.RANSACRegressor",
        ),
        "texts": (
            "sklearn.feature_extraction.text.CountVectorizer",
            "sklearn.feature_extraction.text.TfidfVectorizer",
            "sklearn.feature_extraction.text.HashingVectorizer",
        ),
        "functions": ("sklearn.preprocessing.FunctionTransformer",),
        "processing": ("mlpack.runtime.processed.Processed",),
        "imputation": ("sklearn.impute.SimpleImputer", "sklearn.impute.MissingIndicator"),
        "encoding": (
            "sklearn.preprocessing.OneHotEncoder",
            "sklearn.preprocessing.OrdinalEncoder",
            "sklearn.preprocessing.TargetEncoder",
        ),
        "scaling": (
            "sklearn.preprocessing.StandardScaler",
            "sklearn.preprocessing.MinMaxScaler",
            "sklearn.preprocessing.MaxAbsScaler",
            "sklearn.preprocessing.RobustScaler",
            "sklearn.preprocessing.Normalizer",
            "sklearn.preprocessing.Binarizer",
            "sklearn.preprocessing.PolynomialFeatures",
        ),
        "discretization": ("sklearn.preprocessing.KBinsDiscretizer",),
        "selection": (
            "sklearn.feature_selection.SelectKBest",
            "sklearn.feature_selection.SelectPercentile",
            "sklearn.feature_selection.SelectFpr",
            "sklearn.feature_selection.SelectFdr",
            "sklearn.feature_selection.SelectFwe",
            "sklearn.feature_selection.GenericUnivariateSelect",
            "sklearn.feature_selection.VarianceThreshold",
            "sklearn.feature_selection.SelectFromModel",
            "sklearn.feature_selection.SequentialFeatureSelector",
            "sklearn.feature_selection.RFE",
            "sklearn.feature_selection.RFECV",
        ),
        "projection": (
            "sklearn.decomposition.PCA",
            "sklearn.decomposition.IncrementalPCA",
            "sklearn.decomposition.TruncatedSVD",
        ),
        "linear_regression": (
            "sklearn.linear_model.LinearRegression",
            "sklearn.linear_model.Ridge",
            "sklearn.linear_model.RidgeCV",
            "sklearn.linear_model.Lasso",
            "sklearn.linear_model.LassoCV",
            "sklearn.linear_model.LassoLars",
            "sklearn.linear_model.LassoLarsCV",
            "sklearn.linear_model.LassoLarsIC",
            "sklearn.linear_model.Lars",
            "sklearn.linear_model.LarsCV",
            "sklearn.linear_model.ElasticNet",
            "sklearn.linear_model.ElasticNetCV",
            "sklearn.linear_model.MultiTaskElasticNet",
            "sklearn.linear_model.MultiTaskElasticNetCV",
            "sklearn.linear_model.MultiTaskLasso",
            "sklearn.linear_model.MultiTaskLassoCV",
            "sklearn.linear_model.BayesianRidge",
            "sklearn.linear_model.ARDRegression",
            "sklearn.linear_model.HuberRegressor",
            "sklearn.linear_model.TheilSenRegressor",
            "sklearn.linear_model.OrthogonalMatchingPursuit",
            "sklearn.linear_model.OrthogonalMatchingPursuitCV",
            "sklearn.linear_model.QuantileRegressor",
            "sklearn.linear_model.SGDRegressor",
            "sklearn.linear_model.PassiveAggressiveRegressor",
            "sklearn.linear_model.PoissonRegressor",
            "sklearn.linear_model.GammaRegressor",
            "sklearn.linear_model.TweedieRegressor",
            "sklearn.svm.LinearSVR",
        ),
        "linear_classification": (
            "sklearn.linear_model.LogisticRegression",
            "sklearn.linear_model.LogisticRegressionCV",
            "sklearn.linear_model.RidgeClassifier",
            "sklearn.linear_model.RidgeClassifierCV",
            "sklearn.linear_model.SGDClassifier",
            "sklearn.linear_model.Perceptron",
            "sklearn.linear_model.PassiveAggressiveClassifier",
            "sklearn.svm.LinearSVC",
            "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        ),
        "trees": (
            "sklearn.tree.DecisionTreeClassifier",
            "sklearn.tree.DecisionTreeRegressor",
            "sklearn.tree.ExtraTreeClassifier",
            "sklearn.tree.ExtraTreeRegressor",
            "sklearn.ensemble.RandomForestClassifier",
            "sklearn.ensemble.RandomForestRegressor",
            "sklearn.ensemble.ExtraTreesClassifier",
            "sklearn.ensemble.ExtraTreesRegressor",
        ),
        "gradient_boosting": (
            "sklearn.ensemble.GradientBoostingClassifier",
            "sklearn.ensemble.GradientBoostingRegressor",
        ),
        "histogram_boosting": (
            "sklearn.ensemble.HistGradientBoostingClassifier",
            "sklearn.ensemble.HistGradientBoostingRegressor",
        ),
        "isolation": ("sklearn.ensemble.IsolationForest",),
        "naive_bayes": (
            "sklearn.naive_bayes.GaussianNB",
            "sklearn.naive_bayes.MultinomialNB",
            "sklearn.naive_bayes.ComplementNB",
            "sklearn.naive_bayes.BernoulliNB",
        ),
        "networks": ("sklearn.neural_network.MLPClassifier", "sklearn.neural_network.MLPRegressor"),
        "support_vectors": (
            "sklearn.svm.SVC",
            "sklearn.svm.NuSVC",
            "sklearn.svm.SVR",
            "sklearn.svm.NuSVR",
            "sklearn.svm.OneClassSVM",
        ),
        "clusters": (
            "sklearn.cluster.KMeans",
            "sklearn.cluster.MiniBatchKMeans",
            "sklearn.cluster.BisectingKMeans",
            "sklearn.cluster.Birch",
            "sklearn.cluster.MeanShift",
            "sklearn.cluster.AffinityPropagation",
        ),
        "quadratic": (
            "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis",
            "sklearn.covariance.EllipticEnvelope",
        ),
        "powers": ("sklearn.preprocessing.PowerTransformer",),
        "splines": ("sklearn.preprocessing.SplineTransformer",),
        "linear_maps": (
            "sklearn.decomposition.FastICA",
            "sklearn.decomposition.FactorAnalysis",
            "sklearn.decomposition.SparsePCA",
            "sklearn.decomposition.MiniBatchSparsePCA",
            "sklearn.cross_decomposition.PLSRegression",
            "sklearn.cross_decomposition.PLSCanonical",
            "sklearn.cross_decomposition.PLSSVD",
            "sklearn.cross_decomposition.CCA",
            "sklearn.random_projection.GaussianRandomProjection",
            "sklearn.random_projection.SparseRandomProjection",
            "sklearn.neighbors.NeighborhoodComponentsAnalysis",
            "sklearn.neural_network.BernoulliRBM",
            "sklearn.kernel_approximation.RBFSampler",
            "sklearn.cluster.FeatureAgglomeration",
        ),
        "crowds": (
            "sklearn.ensemble.BaggingClassifier",
            "sklearn.ensemble.BaggingRegressor",
            "sklearn.ensemble.AdaBoostClassifier",
            "sklearn.ensemble.AdaBoostRegressor",
            "sklearn.multioutput.MultiOutputRegressor",
            "sklearn.multioutput.RegressorChain",
        ),
        "neighbors": (
            "sklearn.neighbors.KNeighborsClassifier",
            "sklearn.neighbors.KNeighborsRegressor",
            "sklearn.neighbors.RadiusNeighborsClassifier",
            "sklearn.neighbors.RadiusNeighborsRegressor",
            "sklearn.neighbors.KNeighborsTransformer",
            "sklearn.neighbors.RadiusNeighborsTransformer",
        ),
        "local_outliers": ("sklearn.neighbors.LocalOutlierFactor",),
        "centroids": ("sklearn.neighbors.NearestCentroid",),
        "isotonic": ("sklearn.isotonic.IsotonicRegression",),
        "quantiles": ("sklearn.preprocessing.QuantileTransformer",),
        "mixtures": ("sklearn.mixture.GaussianMixture", "sklearn.mixture.BayesianGaussianMixture"),
        "densities": ("sklearn.neighbors.KernelDensity",),
        "gaussian_processes": (
            "sklearn.gaussian_process.GaussianProcessRegressor",
            "sklearn.gaussian_process.GaussianProcessClassifier",
            "sklearn.gaussian_process._BinaryGaussianProcessClassifierLaplace",
        ),
        "kernel_machines": (
            "sklearn.kernel_ridge.KernelRidge",
            "sklearn.decomposition.KernelPCA",
            "sklearn.kernel_approximation.Nystroem",
            "sklearn.preprocessing.KernelCenterer",
            "sklearn.semi_supervised.LabelPropagation",
            "sklearn.semi_supervised.LabelSpreading",
        ),
        "feature_maps": (
            "sklearn.kernel_approximation.AdditiveChi2Sampler",
            "sklearn.kernel_approximation.SkewedChi2Sampler",
            "sklearn.kernel_approximation.PolynomialCountSketch",
        ),
        "multiclass": (
            "sklearn.multiclass.OneVsRestClassifier",
            "sklearn.multiclass.OneVsOneClassifier",
            "sklearn.multiclass.OutputCodeClassifier",
        ),
        "several_labels": (
            "sklearn.multioutput.MultiOutputClassifier",
            "sklearn.multioutput.ClassifierChain",
        ),
        "categorical_bayes": ("sklearn.naive_bayes.CategoricalNB",),
        "iterative_imputation": ("sklearn.impute.IterativeImputer",),
        "neighbor_imputation": ("sklearn.impute.KNNImputer",),
        "tree_embedding": ("sklearn.ensemble.RandomTreesEmbedding",),
        "term_weights": ("sklearn.feature_extraction.text.TfidfTransformer",),
        "linear_outliers": ("sklearn.linear_model.SGDOneClassSVM",),
        "dummies": ("sklearn.dummy.DummyClassifier", "sklearn.dummy.DummyRegressor"),
        "committees": (
            "sklearn.ensemble.VotingClassifier",
            "sklearn.ensemble.VotingRegressor",
            "sklearn.ensemble.StackingClassifier",
            "sklearn.ensemble.StackingRegressor",
            "sklearn.calibration.CalibratedClassifierCV",
        ),
        "lightgbm": (
            "lightgbm.sklearn.LGBMClassifier",
            "lightgbm.sklearn.LGBMRegressor",
            "lightgbm.sklearn.LGBMRanker",
            "lightgbm.basic.Booster",
        ),
        "xgboost": (
            "xgboost.sklearn.XGBClassifier",
            "xgboost.sklearn.XGBRegressor",
            "xgboost.sklearn.XGBRanker",
            "xgboost.sklearn.XGBRFClassifier",
            "xgboost.sklearn.XGBRFRegressor",
            "xgboost.core.Booster",
        ),
        "catboost": (
            "catboost.core.CatBoost",
            "catboost.core.CatBoostClassifier",
            "catboost.core.CatBoostRegressor",
            "catboost.core.CatBoostRanker",
        ),
    }.items()
    for name in names
}
"""Public class name -> module in `emitters`. Only exactly these classes: a subclass may compute anything."""

_LIBRARIES = ("sklearn", "lightgbm", "xgboost", "catboost", "mlpack")
"""Packages that the classes above come from; a class of the same name elsewhere is a stranger."""

UNCHECKED = frozenset(
    (
        "composition",
        "processing",
        "delegation",
        "functions",
        "dummies",
        "committees",
        "crowds",
        "multiclass",
        "several_labels",
        "lightgbm",
        "xgboost",
        "catboost",
        "histogram_boosting",
        "selection",
        "texts",
    )
)
"""Families that take whatever comes, or leave the check to the models inside."""

IN_SINGLE = frozenset(("trees", "gradient_boosting", "isolation"))
"""Families that check their input after it has become float32."""


def allows_nulls(model: object) -> bool:
    """Return whether an estimator's input check lets missing values pass."""
    tags = getattr(model, "__sklearn_tags__", None)
    if tags is not None:
        return bool(tags().input_tags.allow_nan)
    return bool(model._get_tags()["allow_nan"])  # type: ignore[attr-defined]  # noqa: SLF001 - before 1.6


class Family(Protocol):
    """What an emitter module may offer; one of the two is enough."""

    def transform(self, scope: Scope, model: Fitted, columns: Columns) -> Columns:
        """Emit `model.transform`."""

    def respond(self, scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
        """Emit another method; `predict` of a classifier gives the int64 index into its `classes_`."""


def public_name(cls: type) -> str:
    """Return a class's name without the private modules that move between scikit-learn releases."""
    parts = []
    for part in cls.__module__.split("."):
        if part.startswith("_"):
            break
        parts.append(part)
    return ".".join((*parts, cls.__qualname__))


def family_of(model: object) -> Family | None:
    """Return the emitter module for a model's class, or None."""
    name = FAMILIES.get(public_name(type(model)))
    if name is None or type(model).__module__.partition(".")[0] not in _LIBRARIES:
        return None
    return cast("Family", importlib.import_module(f"mlpack.packing.export.emitters.{name}"))


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an emitter works: the graph, and the way back to the registry for the models inside a model.

    Attributes:
        graph: The graph being built.
        path: Names of the steps that led here, for messages.
        plugged: Whether emitters of other distributions may take part.
    """

    graph: GraphBuilder
    path: tuple[str, ...] = ()
    plugged: bool = True

    def inner(self, name: str) -> Scope:
        """Return the scope of a step."""
        return Scope(self.graph, (*self.path, name), self.plugged)

    def unsupported(self, model: object, reason: str) -> Unsupported:
        """Return the error that says why this model cannot be emitted, and where it stands."""
        place = f" (step {'.'.join(self.path)})" if self.path else ""
        return Unsupported(f"{type(model).__name__}{place}", reason)

    def transform(self, model: object, columns: Columns) -> Columns:
        """Emit `model.transform` on `columns`."""
        if (kept := kept_sparse(self, model, columns)) is not None:
            return kept
        try:
            return self._emitted(model, columns)
        except Unsupported:
            if (made := self._followed(model, columns)) is not None:
                return made
            raise

    def _followed(self, model: object, columns: Columns) -> Columns | None:
        """Return what a function makes of columns: of the caller's frame on the host, or in the graph."""
        from mlpack.packing.export.own_classes import followed_columns

        try:
            made = traced(self, model, columns)
        except Unsupported as refused:
            try:
                made = followed_columns(self, model, columns)
            except Unsupported:
                made = None
            if made is None:
                raise refused from None
        return followed_columns(self, model, columns) if made is None else made

    def _emitted(self, model: object, columns: Columns) -> Columns:
        family = self._family(model, "transform", "transform")
        self._check_width(model, columns)
        self._guard(model, columns)
        return family.transform(self, model, columns)

    def respond(self, model: object, columns: Columns, method: Method) -> Tensor:
        """Emit `model.<method>` on `columns`; the result is `(N,)` or `(N, k)` exactly as the original's."""
        from mlpack.packing.export.own_classes import followed_answer

        try:
            family = self._family(model, "respond", method)
        except Unsupported:
            if (made := followed_answer(self, model, columns, method)) is not None:
                return made
            raise
        self._check_width(model, columns)
        self._guard(model, columns)
        return family.respond(self, model, columns, method)

    def doubles(self, model: object, columns: Columns, *, single: bool = False) -> str:
        """Return the columns as one double matrix `(N, k)`.

        Args:
            model: Who computes, for the message.
            columns: What it sees.
            single: Whether the original computes in double on float32 columns too.

        Raises:
            Unsupported: There are text columns, or the original computes in float32.
        """
        return self.graph.matrix(self.numbers(model, columns, single=single), "float64").name

    def numbers(self, model: object, columns: Columns, *, single: bool = False) -> Columns:
        """Return the columns, if the original computes with them in double; see `doubles`."""
        if not columns.numeric:
            raise self.unsupported(model, "meets text columns")
        if columns.float_kind == "float32" and not single:
            raise self.unsupported(model, "computes in float32; train on float64 for an exact export")
        return columns

    def _family(self, model: object, ability: str, method: str) -> Family:
        family = family_of(model) or self._plugin(model)
        if family is None:
            raise self.unsupported(model, f"no emitter for {public_name(type(model))}")
        offered = family.offers(ability) if isinstance(family, Plugin) else hasattr(family, ability)
        if not offered:
            raise self.unsupported(model, f"its emitter has no {method}")
        return family

    def _plugin(self, model: object) -> Plugin | None:
        return find_plugin(public_name(type(model))) if self.plugged else None

    def _guard(self, model: object, columns: Columns) -> None:
        """Refuse the rows that the step's own input check refuses: most look for values not finite."""
        family = FAMILIES.get(public_name(type(model)))
        if family in UNCHECKED:
            return
        if family is None and not ((plugin := self._plugin(model)) and plugin.checks_input):
            return
        nulls = allows_nulls(model)
        for block in columns.blocks:
            tensor = self.graph.cast(block.tensor, "float32") if family in IN_SINGLE else block.tensor
            self.graph.guard(tensor, nulls=nulls)

    def _check_width(self, model: object, columns: Columns) -> None:
        # A ColumnTransformer fitted with names may meet fewer or more columns, and checks them itself.
        expected = getattr(model, "n_features_in_", None)
        if expected is None or hasattr(model, "transformers_") or _starts_with_columns(model):
            return
        if expected != columns.width:
            raise self.unsupported(model, f"fitted on {expected} columns, here {columns.width}")


def _starts_with_columns(model: object) -> bool:
    """Whether a model hands its columns on as they are, so that a ColumnTransformer may come first."""
    return any(hasattr(model, name) for name in ("steps", "best_estimator_", "estimator_", "estimators_"))
