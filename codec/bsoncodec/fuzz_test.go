package bsoncodec_test

import (
	"math/rand/v2"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/protomicro/micro/codec/bsoncodec"
	"github.com/protomicro/micro/codec/internal/protomap/protomaptest"
)

func FuzzUnmarshal(f *testing.F) {
	all := protomaptest.All(f)
	seeded := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		m := all.New()
		protomaptest.Fill(seeded, m, 3)
		encoded, err := bsoncodec.Codec{}.MarshalAppend(nil, m.Interface())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		protomaptest.CheckUnmarshal(t, bsoncodec.Codec{}, all, src)
		protomaptest.CheckUnmarshal(t, bsoncodec.Codec{}, protomaptest.Two(t), src)
	})
}

// What the codec skips is well formed to the Mongo driver. The driver checks less: neither UTF-8, nor the lengths of
// binary of the old subtype, nor the scopes of code.
func FuzzSkip(f *testing.F) {
	for _, v := range validValues() {
		f.Add(element(f, v.kind, v.data))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		err := bsoncodec.Codec{}.Unmarshal(src, &emptypb.Empty{})
		if want := bson.Raw(src).Validate(); err == nil && want != nil {
			t.Errorf("%x: accepted, and the Mongo driver says %v", src, want)
		}
		if want := bson.Unmarshal(src, &bson.D{}); err == nil && want != nil {
			t.Errorf("%x: accepted, and the Mongo driver cannot decode it: %v", src, want)
		}
	})
}
