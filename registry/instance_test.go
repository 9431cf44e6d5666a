package registry_test

import (
	"testing"

	"github.com/protomicro/micro/registry"
)

func weather() registry.Instance {
	return registry.Instance{
		ID: "w1", Service: "weather", Version: "1.0.0", Addrs: []string{"tcp://h:1"}, Meta: map[string]string{"zone": "a"},
	}
}

func TestInstance_Validate(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*registry.Instance)
		want  string
	}{
		{"valid", func(*registry.Instance) {}, ""},
		{"no ID", func(in *registry.Instance) { in.ID = "" }, `registry: instance of service "weather": the ID is empty`},
		{"no service", func(in *registry.Instance) { in.Service = "" }, `registry: instance "w1": the Service is empty`},
		{"no address", func(in *registry.Instance) { in.Addrs = nil }, `registry: instance "w1": there is no address`},
		{
			"no scheme", func(in *registry.Instance) { in.Addrs = []string{"tcp://h:1", "h:1"} },
			`registry: instance "w1": address "h:1" is not of the form scheme://address`,
		},
		{
			"no rest", func(in *registry.Instance) { in.Addrs = []string{"tcp://"} },
			`registry: instance "w1": address "tcp://" is not of the form scheme://address`,
		},
	} {
		in := weather()
		test.spoil(&in)
		got := ""
		if err := in.Validate(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: Validate() = %q, want %q", test.name, got, test.want)
		}
	}
}

func TestInstance_EqualSeesEachField(t *testing.T) {
	for name, change := range map[string]func(*registry.Instance){
		"ID":      func(in *registry.Instance) { in.ID = "w2" },
		"Service": func(in *registry.Instance) { in.Service = "time" },
		"Version": func(in *registry.Instance) { in.Version = "" },
		"Addrs":   func(in *registry.Instance) { in.Addrs[0] = "tcp://h:2" },
		"Meta":    func(in *registry.Instance) { in.Meta["zone"] = "b" },
	} {
		in := weather()
		if !in.Equal(weather()) {
			t.Fatal("an instance is not equal to itself")
		}
		clone := in.Clone()
		change(&clone)
		if in.Equal(clone) {
			t.Errorf("an instance with another %s is equal", name)
		}
		if !in.Equal(weather()) {
			t.Errorf("the change of a clone's %s is one of the original", name)
		}
	}
}
