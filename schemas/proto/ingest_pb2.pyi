from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PublishRequest(_message.Message):
    __slots__ = ("topic", "events", "key", "sequence")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    topic: str
    events: _containers.RepeatedScalarFieldContainer[bytes]
    key: str
    sequence: int
    def __init__(self, topic: _Optional[str] = ..., events: _Optional[_Iterable[bytes]] = ..., key: _Optional[str] = ..., sequence: _Optional[int] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("sequence", "landed_index", "landed_partition", "landed_offset", "rejected", "failed", "refused", "retry_after_ms")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LANDED_INDEX_FIELD_NUMBER: _ClassVar[int]
    LANDED_PARTITION_FIELD_NUMBER: _ClassVar[int]
    LANDED_OFFSET_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    landed_index: _containers.RepeatedScalarFieldContainer[int]
    landed_partition: _containers.RepeatedScalarFieldContainer[int]
    landed_offset: _containers.RepeatedScalarFieldContainer[int]
    rejected: _containers.RepeatedCompositeFieldContainer[Rejected]
    failed: _containers.RepeatedCompositeFieldContainer[Failed]
    refused: RequestRefused
    retry_after_ms: int
    def __init__(self, sequence: _Optional[int] = ..., landed_index: _Optional[_Iterable[int]] = ..., landed_partition: _Optional[_Iterable[int]] = ..., landed_offset: _Optional[_Iterable[int]] = ..., rejected: _Optional[_Iterable[_Union[Rejected, _Mapping]]] = ..., failed: _Optional[_Iterable[_Union[Failed, _Mapping]]] = ..., refused: _Optional[_Union[RequestRefused, _Mapping]] = ..., retry_after_ms: _Optional[int] = ...) -> None: ...

class Rejected(_message.Message):
    __slots__ = ("index", "errors", "reject_id")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    REJECT_ID_FIELD_NUMBER: _ClassVar[int]
    index: int
    errors: _containers.RepeatedCompositeFieldContainer[FieldError]
    reject_id: str
    def __init__(self, index: _Optional[int] = ..., errors: _Optional[_Iterable[_Union[FieldError, _Mapping]]] = ..., reject_id: _Optional[str] = ...) -> None: ...

class FieldError(_message.Message):
    __slots__ = ("pointer", "expected", "got")
    POINTER_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    GOT_FIELD_NUMBER: _ClassVar[int]
    pointer: str
    expected: str
    got: str
    def __init__(self, pointer: _Optional[str] = ..., expected: _Optional[str] = ..., got: _Optional[str] = ...) -> None: ...

class Failed(_message.Message):
    __slots__ = ("index", "code", "detail", "retryable")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    index: int
    code: str
    detail: str
    retryable: bool
    def __init__(self, index: _Optional[int] = ..., code: _Optional[str] = ..., detail: _Optional[str] = ..., retryable: _Optional[bool] = ...) -> None: ...

class RequestRefused(_message.Message):
    __slots__ = ("code", "detail", "hint", "grpc_status", "retry_after_ms", "errors", "reject_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    GRPC_STATUS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    REJECT_ID_FIELD_NUMBER: _ClassVar[int]
    code: str
    detail: str
    hint: str
    grpc_status: str
    retry_after_ms: int
    errors: _containers.RepeatedCompositeFieldContainer[FieldError]
    reject_id: str
    def __init__(self, code: _Optional[str] = ..., detail: _Optional[str] = ..., hint: _Optional[str] = ..., grpc_status: _Optional[str] = ..., retry_after_ms: _Optional[int] = ..., errors: _Optional[_Iterable[_Union[FieldError, _Mapping]]] = ..., reject_id: _Optional[str] = ...) -> None: ...
