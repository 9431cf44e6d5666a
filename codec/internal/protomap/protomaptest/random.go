package protomaptest

import (
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Fill sets fields of m to values that have an encoding, the same for the same state of rnd. Messages within each other
// are no more than depth deep.
func Fill(rnd *rand.Rand, m protoreflect.Message, depth int) {
	switch m.Descriptor().FullName() {
	case "google.protobuf.Timestamp":
		at := time.Unix(rnd.Int64N(3e11)-6e10, rnd.Int64N(1e3)*[]int64{1, 1e3, 1e6}[rnd.IntN(3)])
		proto.Merge(m.Interface(), timestamppb.New(at))
		return
	case "google.protobuf.Duration":
		proto.Merge(m.Interface(), durationpb.New(time.Duration(rnd.Uint64())))
		return
	case "google.protobuf.FieldMask":
		paths := m.Mutable(m.Descriptor().Fields().Get(0)).List()
		for range rnd.IntN(3) {
			paths.Append(protoreflect.ValueOfString([]string{"a", "a_field.in_another", "x.y1.z"}[rnd.IntN(3)]))
		}
		return
	case "google.protobuf.Any":
		fillAny(rnd, m)
		return
	case "google.protobuf.Value":
		n := 6
		if depth <= 0 {
			n = 4
		}
		set(rnd, m, m.Descriptor().Fields().Get(rnd.IntN(n)), depth)
		return
	}
	fields := m.Descriptor().Fields()
	for range min(1+rnd.IntN(8), fields.Len()) {
		fd := fields.Get(rnd.IntN(fields.Len()))
		if depth > 0 || fd.Message() == nil {
			set(rnd, m, fd, depth)
		}
	}
}

func fillAny(rnd *rand.Rand, m protoreflect.Message) {
	held := []proto.Message{
		wrapperspb.String("held"), timestamppb.New(time.Unix(rnd.Int64N(1e9), 0)), &anypb.Any{}, durationpb.New(1), &emptypb.Empty{},
		&descriptorpb.FieldDescriptorProto{Name: new("of a message"), Number: new(int32(7))},
	}[rnd.IntN(6)]
	a, err := anypb.New(held)
	if err != nil || rnd.IntN(5) == 0 {
		return
	}
	proto.Merge(m.Interface(), a)
}

func set(rnd *rand.Rand, m protoreflect.Message, fd protoreflect.FieldDescriptor, depth int) {
	switch {
	case fd.IsList():
		list := m.Mutable(fd).List()
		for range rnd.IntN(4) {
			list.Append(value(rnd, fd, list.NewElement(), depth))
		}
	case fd.IsMap():
		entries := m.Mutable(fd).Map()
		for range rnd.IntN(4) {
			key := value(rnd, fd.MapKey(), protoreflect.Value{}, depth).MapKey()
			entries.Set(key, value(rnd, fd.MapValue(), entries.NewValue(), depth))
		}
	default:
		m.Set(fd, value(rnd, fd, m.NewField(fd), depth))
	}
}

// value returns a value for a field, for a message the given empty one with fields set.
func value(rnd *rand.Rand, fd protoreflect.FieldDescriptor, empty protoreflect.Value, depth int) protoreflect.Value {
	n := rnd.Uint64() >> rnd.IntN(64)
	if rnd.IntN(2) == 0 {
		n = -n
	}
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n%2 == 0)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(n)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32([]float32{0.1, -3, math.MaxFloat32, float32(math.Inf(1)), float32(n)}[rnd.IntN(5)])
	case protoreflect.DoubleKind:
		f := []float64{0.1, -3, math.MaxFloat64, 1e-300, float64(n)}[rnd.IntN(5)]
		if fd.ContainingMessage().FullName() != "google.protobuf.Value" && rnd.IntN(5) == 0 {
			f = []float64{math.NaN(), math.Inf(-1)}[rnd.IntN(2)]
		}
		return protoreflect.ValueOfFloat64(f)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString([]string{"", "a", "long é ж \U0001F600 long", "@type", "value", "\n\""}[rnd.IntN(6)])
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("\x00\xff\xfe bytes")[:rnd.IntN(8)])
	case protoreflect.EnumKind:
		if fd.Enum().FullName() == "google.protobuf.NullValue" {
			return protoreflect.ValueOfEnum(0)
		}
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(int32(n) % 5))
	case protoreflect.MessageKind, protoreflect.GroupKind:
		Fill(rnd, empty.Message(), depth-1)
	}
	return empty
}
