"""Fit, choose thresholds, and judge: all that needs the learning library."""

from collections.abc import Callable

import numpy as np

from payments.decision import Thresholds
from payments.model import Model
from training.dataset import Dataset
from training.evaluate import choose_thresholds, measure, outcomes
from training.fit import fit
from training.parameters import TreeParameters
from training.protocol import Protocol
from training.trained import TrainedModel


def learn(
    dataset: Dataset,
    protocol: Protocol,
    parameters: TreeParameters,
    progress: Callable[[str], None] = lambda _: None,
) -> TrainedModel:
    """Fit on the training days, choose thresholds on customers left out, judge on the test days."""
    world = protocol.create_world()
    past, future = dataset.on(protocol.train), dataset.on(protocol.test)
    frauds = past.frauds(world.start_ms(protocol.labelled_by(protocol.train)))
    progress(f"Choosing thresholds with {parameters.folds} folds of {len(frauds):,} transactions")
    unseen = np.zeros(len(frauds))
    for fold in range(parameters.folds):
        held_out = past.customer % parameters.folds == fold
        partial = fit(past.vectors[~held_out], frauds[~held_out], parameters, Thresholds(1.0, 1.0))
        unseen[held_out] = Model(partial.canonical()).score(past.vectors[held_out])
    progress("Training")
    thresholds = choose_thresholds(frauds, unseen)
    payload = fit(past.vectors, frauds, parameters, thresholds).canonical()
    scores = np.zeros(len(dataset.day))
    scores[dataset.day >= protocol.test.start] = Model(payload).score(future.vectors)
    known_at_ms = world.start_ms(protocol.labelled_by(protocol.test))
    starts = {day: world.start_ms(day) for day in protocol.test}
    metrics = measure(dataset, scores, known_at_ms, starts, protocol.top)
    metrics |= outcomes(future.frauds(known_at_ms), scores[-len(future.day) :], thresholds)
    return TrainedModel(payload, {name: round(value, 4) for name, value in metrics.items()})
