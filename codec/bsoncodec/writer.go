package bsoncodec

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/protomicro/micro/codec/internal/protomap"
)

// A writer is the [protomap.Writer] of BSON. The type of an element stands before its key, so a key waits for its value.
type writer struct {
	dst  []byte
	key  string
	open []scope
}

// A scope is a document or array that has begun.
type scope struct {
	start int // where its length belongs
	array bool
	next  int // index of the next element of an array
}

func (w *writer) Key(_ protoreflect.Kind, key protoreflect.MapKey) error {
	w.key = key.String()
	if strings.IndexByte(w.key, 0) >= 0 {
		return errors.New("a key with a NUL in it")
	}
	return nil
}

// header writes the type and the key of the next value. The outermost document has neither.
func (w *writer) header(t bsoncore.Type) {
	if len(w.open) == 0 {
		return
	}
	s := &w.open[len(w.open)-1]
	if !s.array {
		w.dst = bsoncore.AppendHeader(w.dst, t, w.key)
		return
	}
	w.dst = bsoncore.AppendType(w.dst, t)
	w.dst = strconv.AppendInt(w.dst, int64(s.next), 10)
	w.dst = append(w.dst, 0)
	s.next++
}

func (w *writer) Map(int) {
	w.header(bsoncore.TypeEmbeddedDocument)
	w.begin(false)
}

func (w *writer) List(int) {
	w.header(bsoncore.TypeArray)
	w.begin(true)
}

func (w *writer) begin(array bool) {
	w.open = append(w.open, scope{start: len(w.dst), array: array})
	_, w.dst = bsoncore.ReserveLength(w.dst)
}

func (w *writer) End() {
	last := len(w.open) - 1
	start := w.open[last].start
	w.open = w.open[:last]
	w.dst = append(w.dst, 0)
	bsoncore.UpdateLength(w.dst[start:], 0, int32(len(w.dst)-start)) //nolint:gosec // MarshalAppend checks it
}

func (w *writer) Null() { w.header(bsoncore.TypeNull) }

func (w *writer) Scalar(kind protoreflect.Kind, v protoreflect.Value) {
	switch kind {
	case protoreflect.BoolKind:
		w.header(bsoncore.TypeBoolean)
		w.dst = bsoncore.AppendBoolean(w.dst, v.Bool())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		w.header(bsoncore.TypeInt32)
		w.dst = bsoncore.AppendInt32(w.dst, int32(v.Int())) //nolint:gosec // the field is an int32
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		w.int64(v.Int())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		if n := v.Uint(); n > math.MaxInt64 {
			w.header(bsoncore.TypeDecimal128)
			w.dst = bsoncore.AppendDecimal128(w.dst, decimalOne, n)
		} else {
			w.int64(int64(n))
		}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		w.header(bsoncore.TypeDouble)
		w.dst = bsoncore.AppendDouble(w.dst, v.Float())
	case protoreflect.StringKind:
		w.text(v.String())
	case protoreflect.BytesKind:
		w.header(bsoncore.TypeBinary)
		w.dst = bsoncore.AppendBinary(w.dst, genericBinary, v.Bytes())
	case protoreflect.EnumKind, protoreflect.MessageKind, protoreflect.GroupKind: // are no scalars
	}
}

func (w *writer) int64(n int64) {
	w.header(bsoncore.TypeInt64)
	w.dst = bsoncore.AppendInt64(w.dst, n)
}

func (w *writer) text(s string) {
	w.header(bsoncore.TypeString)
	w.dst = bsoncore.AppendString(w.dst, s)
}

// Date writes a text if the time has a part of a millisecond, which BSON's date cannot hold.
func (w *writer) Date(seconds int64, nanos int32) {
	if nanos%1e6 != 0 {
		w.text(protomap.FormatDate(seconds, nanos))
		return
	}
	w.header(bsoncore.TypeDateTime)
	w.dst = bsoncore.AppendDateTime(w.dst, seconds*1000+int64(nanos/1e6))
}
