"""What every file store keeps, ours and anybody's."""

from __future__ import annotations

from typing import Protocol

import pytest

from rma.domain.ports import FileStore
from rma.errors import Invalid, NotFound, Unavailable
from tests.contracts.common import keeps_the_common_rules, together


class FileWorld(Protocol):
    """The other side of a file store."""

    @property
    def provider(self) -> FileStore:
        """The store under test."""
        ...

    def damage(self, key: str) -> None:
        """Change the bytes of a file behind the store's back."""
        ...

    def outside(self) -> list[str]:
        """What lies where this store must never write."""
        ...


class FileStoreContract:
    """What the engine relies on in every file store."""

    def test_common(self, world: FileWorld) -> None:
        """It keeps the protocol."""
        keeps_the_common_rules(world.provider, FileStore)

    @pytest.mark.parametrize("data", [b"", b"\x00\xff" * 7, b"x" * 3_000_000])
    def test_bytes_come_back(self, world: FileWorld, data: bytes) -> None:
        """Any bytes come back as they were."""
        key = world.provider.put(data, scope="ret_1")
        assert world.provider.get(key) == data
        assert world.provider.exists(key)

    def test_the_key_is_the_content(self, world: FileWorld) -> None:
        """The same bytes have one key in one scope, also when four store them at once."""
        assert len(set(together(4, lambda: world.provider.put(b"photo", scope="ret_1")))) == 1

    def test_scopes_are_apart(self, world: FileWorld) -> None:
        """The same photo in two cases is two files: erasing one case leaves the other whole."""
        one, other = (world.provider.put(b"photo", scope=scope) for scope in ("ret_1", "ret_2"))
        world.provider.put(b"report", scope="ret_1")
        assert world.provider.delete_scope("ret_1") == 2
        assert not world.provider.exists(one)
        assert world.provider.get(other) == b"photo"

    def test_deleting(self, world: FileWorld) -> None:
        """A deleted file is gone, deleting it again says that nothing was there, and it can be stored anew."""
        key = world.provider.put(b"photo", scope="ret_1")
        assert [world.provider.delete(key) for _ in range(2)] == [True, False]
        with pytest.raises(NotFound):
            world.provider.get(key)
        assert world.provider.put(b"photo", scope="ret_1") == key
        assert world.provider.get(key) == b"photo"

    def test_a_changed_file_is_noticed(self, world: FileWorld) -> None:
        """Bytes that were changed behind the store's back are never handed out."""
        key = world.provider.put(b"photo", scope="ret_1")
        world.damage(key)
        with pytest.raises(Unavailable) as caught:
            world.provider.get(key)
        assert caught.value.code == "file_corrupt"

    @pytest.mark.parametrize(
        "key", ["", "../secret", "ret_1/../../secret", "/etc/passwd", "ret_1/" + "g" * 64, "ret_1", "ret_1/\x00", ".."]
    )
    def test_a_key_names_no_other_place(self, world: FileWorld, key: str) -> None:
        """A text that is not a key is simply not there, whatever it points at."""
        before = world.outside()
        with pytest.raises(NotFound):
            world.provider.get(key)
        assert not world.provider.exists(key)
        assert not world.provider.delete(key)
        assert world.provider.delete_scope(key) == 0
        assert world.outside() == before

    @pytest.mark.parametrize("scope", ["", ".", "..", "../other", "a/b", "a\\b", "ret 1", "x" * 65, "ret_1\n"])
    def test_a_scope_names_no_other_place(self, world: FileWorld, scope: str) -> None:
        """A scope that is not a plain name raises Invalid, and nothing is written anywhere."""
        before = world.outside()
        with pytest.raises(Invalid):
            world.provider.put(b"photo", scope=scope)
        assert world.outside() == before
