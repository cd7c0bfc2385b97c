import asyncio

import pytest

from services.ingest_gateway.servers import background


async def forever() -> None:
    await asyncio.Event().wait()


async def failing() -> None:
    await asyncio.sleep(0)
    raise OSError("broken")


async def test_work_in_the_background_ends_with_the_block() -> None:
    stops: list[int] = []
    async with background(lambda: stops.append(1), forever(), forever()):
        await asyncio.sleep(0)
    assert not stops
    assert len(asyncio.all_tasks()) == 1


async def test_work_that_fails_ends_the_service_with_its_error() -> None:
    stop = asyncio.Event()
    with pytest.raises(OSError, match="broken"):
        async with background(stop.set, forever(), failing()):
            await asyncio.wait_for(stop.wait(), 5)


async def test_an_error_of_the_block_itself_comes_out_as_it_is() -> None:
    with pytest.raises(ValueError, match="own"):
        async with background(lambda: None, forever()):
            raise ValueError("own")
