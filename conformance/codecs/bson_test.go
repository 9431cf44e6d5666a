package codecs_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/protomicro/micro/codec/bsoncodec"
)

// TestBSON_Driver checks what the Mongo driver makes of our encoding, and we of its.
func TestBSON_Driver(t *testing.T) {
	for _, value := range values(t) {
		want := &structpb.Struct{Fields: map[string]*structpb.Value{"key": value}}
		b, err := bsoncodec.Codec{}.MarshalAppend(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		var theirs bson.M
		if err := bson.Raw(b).Validate(); err != nil {
			t.Errorf("%v: %v", want, err)
		} else if err := bson.Unmarshal(b, &theirs); err != nil {
			t.Errorf("%v: %v", want, err)
		} else if diff := cmp.Diff(want.AsMap(), plain(theirs)); diff != "" {
			t.Errorf("they read something else: %s", diff)
		}
		if b, err = bson.Marshal(want.AsMap()); err != nil {
			t.Fatal(err)
		}
		got := new(structpb.Struct)
		if err := (bsoncodec.Codec{}).Unmarshal(b, got); err != nil {
			t.Errorf("%v: %v", want, err)
		} else if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("we read something else: %s", diff)
		}
	}
}

// plain returns v made of maps, slices and float64, as protobuf's Struct has it.
func plain(v any) any {
	switch v := v.(type) {
	case bson.M:
		m := make(map[string]any, len(v))
		for key, e := range v {
			m[key] = plain(e)
		}
		return m
	case bson.D:
		m := make(map[string]any, len(v))
		for _, e := range v {
			m[e.Key] = plain(e.Value)
		}
		return m
	case bson.A:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = plain(e)
		}
		return list
	}
	return v
}

// TestBSON_Corpus passes over every valid document of the BSON corpus, and refuses every other. The corpus comes with the
// source of the Mongo driver's first version.
func TestBSON_Corpus(t *testing.T) {
	const driver = "go.mongodb.org/mongo-driver@v1.17.6"
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", driver).Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, "testdata", "bson-corpus", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	valid, invalid := 0, 0
	for _, file := range files {
		var corpus struct {
			Valid []struct {
				Description string `json:"description"`
				Canonical   string `json:"canonical_bson"`
			} `json:"valid"`
			Invalid []struct {
				Description string `json:"description"`
				BSON        string `json:"bson"`
			} `json:"decodeErrors"`
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &corpus); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range corpus.Valid {
			valid++
			if err := decode(t, c.Canonical); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(file), c.Description, err)
			}
		}
		for _, c := range corpus.Invalid {
			invalid++
			if err := decode(t, c.BSON); err == nil {
				t.Errorf("%s: %s: no error", filepath.Base(file), c.Description)
			}
		}
	}
	if valid < 700 || invalid < 70 {
		t.Errorf("the corpus has only %d valid and %d other documents", valid, invalid)
	}
}

// decode reads a document of which no key is known.
func decode(t *testing.T, document string) error {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimSpace(document))
	if err != nil {
		t.Fatal(err)
	}
	return bsoncodec.Codec{}.Unmarshal(b, new(emptypb.Empty))
}
