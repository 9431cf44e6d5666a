package bsoncodec_test

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/bsoncodec"
	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/codec/internal/protomap/protomaptest"
)

func TestCodec(t *testing.T) {
	codectest.RunCodec(t, func(*testing.T) codec.Codec { return bsoncodec.Codec{} })
}

func TestCodec_Name(t *testing.T) {
	if got := (bsoncodec.Codec{}).Name(); got != "bson" {
		t.Errorf("got %q, want %q", got, "bson")
	}
}

func TestCodec_Mapping(t *testing.T) {
	protomaptest.Run(t, func(*testing.T) protomaptest.Encoding {
		return protomaptest.Encoding{Codec: bsoncodec.Codec{}, Encode: encode, Decode: decode}
	})
}

func encode(t testing.TB, v any) []byte {
	b, err := bson.Marshal(toDriver(t, v))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// toDriver returns v in the types that the Mongo driver encodes.
func toDriver(t testing.TB, v any) any {
	switch v := v.(type) {
	case protomaptest.Map:
		d := bson.D{}
		for _, e := range v {
			d = append(d, bson.E{Key: fmt.Sprint(e.Key), Value: toDriver(t, e.Value)})
		}
		return d
	case []any:
		a := bson.A{}
		for _, e := range v {
			a = append(a, toDriver(t, e))
		}
		return a
	case time.Time:
		return bson.NewDateTimeFromTime(v)
	case uint64:
		n, ok := bson.ParseDecimal128FromBigInt(new(big.Int).SetUint64(v), 0)
		if !ok {
			t.Fatalf("%d is no decimal", v)
		}
		return n
	}
	return v
}

// decode reads a document with the Mongo driver, without knowing what should be there.
func decode(t testing.TB, src []byte) any {
	if err := bson.Raw(src).Validate(); err != nil {
		t.Fatal(err)
	}
	var d bson.D
	if err := bson.Unmarshal(src, &d); err != nil {
		t.Fatal(err)
	}
	return fromDriver(d)
}

func fromDriver(v any) any {
	switch v := v.(type) {
	case bson.D:
		entries := make(map[any]any)
		for _, e := range v {
			entries[e.Key] = fromDriver(e.Value)
		}
		return entries
	case bson.A:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = fromDriver(e)
		}
		return list
	case bson.DateTime:
		return v.Time().UTC()
	case bson.Binary:
		return v.Data
	}
	return v // decimals print as integers do
}
