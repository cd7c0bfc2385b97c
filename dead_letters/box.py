"""Reads all letters and rejects of a platform, with what has become of each since."""

from collections.abc import Iterator

from dead_letters.letter import Letter, from_dead_letter, from_reject, from_unreadable
from streamkit.catalogue import Catalogue
from streamkit.codecs import DEAD_LETTERS, Codecs
from streamkit.errors import DeadLetterError
from streamkit.headers import is_heartbeat
from streamkit.read import read_to_end
from streamkit.redrives import REDRIVES, read_markers
from streamkit.topics_apply import Platform

REJECTS = "platform.gateway-rejects.v1"


def letters(platform: Platform, catalogue: Catalogue) -> Iterator[Letter]:
    """Yield every letter, then every reject, by their offsets. Blocks; raises as `read_to_end`."""
    codecs = Codecs(catalogue, platform.registry)
    markers = read_markers(platform.broker, codecs.decoder(REDRIVES).decode, platform.clock)
    for mark, topic, make in (("d", DEAD_LETTERS, from_dead_letter), ("g", REJECTS, from_reject)):
        decoder = codecs.decoder(topic)
        for record in read_to_end(platform.broker, topic):
            if is_heartbeat(record.headers):
                continue
            try:
                letter = make(record.offset, decoder.decode(record.value or b""), markers)
            except DeadLetterError as error:
                # It stays in the topic for days; the letters around it are what was asked for.
                letter = from_unreadable(f"{mark}{record.offset}", record, error)
            yield letter
