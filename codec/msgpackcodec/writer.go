package msgpackcodec

import (
	"time"

	"github.com/tinylib/msgp/msgp"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A writer is the [protomap.Writer] of MessagePack.
type writer struct{ dst []byte }

// Map and List write lengths that fit, since MarshalAppend checks the whole.
func (w *writer) Map(entries int)   { w.dst = msgp.AppendMapHeader(w.dst, uint32(entries)) }    //nolint:gosec // see above
func (w *writer) List(elements int) { w.dst = msgp.AppendArrayHeader(w.dst, uint32(elements)) } //nolint:gosec // see above
func (w *writer) End()              {}
func (w *writer) Null()             { w.dst = msgp.AppendNil(w.dst) }

func (w *writer) Key(kind protoreflect.Kind, key protoreflect.MapKey) error {
	if kind == protoreflect.StringKind { // the names of fields are most of all keys
		w.dst = msgp.AppendString(w.dst, key.String())
	} else {
		w.Scalar(kind, key.Value())
	}
	return nil
}

func (w *writer) Scalar(kind protoreflect.Kind, v protoreflect.Value) {
	switch kind {
	case protoreflect.BoolKind:
		w.dst = msgp.AppendBool(w.dst, v.Bool())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		w.dst = msgp.AppendInt64(w.dst, v.Int())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		w.dst = msgp.AppendUint64(w.dst, v.Uint())
	case protoreflect.FloatKind:
		w.dst = msgp.AppendFloat32(w.dst, float32(v.Float()))
	case protoreflect.DoubleKind:
		w.dst = msgp.AppendFloat64(w.dst, v.Float())
	case protoreflect.StringKind:
		w.dst = msgp.AppendString(w.dst, v.String())
	case protoreflect.BytesKind:
		w.dst = msgp.AppendBytes(w.dst, v.Bytes())
	case protoreflect.EnumKind, protoreflect.MessageKind, protoreflect.GroupKind: // are no scalars
	}
}

func (w *writer) Date(seconds int64, nanos int32) {
	w.dst = msgp.AppendTimeExt(w.dst, time.Unix(seconds, int64(nanos)))
}
