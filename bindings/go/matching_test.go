package rekindle

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

type object = map[string]any

// The first difference, by its path. Objects may have further members, lists may not.
func differs(pattern, actual any, path string) string {
	switch wanted := pattern.(type) {
	case object:
		names := slices.Sorted(maps.Keys(wanted))
		if len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return !strings.HasPrefix(name, "$") }) {
			return firstOf(names, func(name string) string { return applies(name, wanted[name], actual, path) })
		}
		if found, ok := actual.(object); ok {
			return firstOf(names, func(name string) string { return member(name, wanted[name], found, path) })
		}
	case []any:
		if found, ok := actual.([]any); ok && len(found) == len(wanted) {
			for at := range wanted {
				if complaint := differs(wanted[at], found[at], fmt.Sprintf("%s[%d]", path, at)); complaint != "" {
					return complaint
				}
			}
			return ""
		}
	default:
		if kindOf(pattern) == kindOf(actual) && kindOf(actual) != "object" && kindOf(actual) != "array" && pattern == actual {
			return ""
		}
	}
	return fmt.Sprintf("%s: %s instead of %s", path, asJSON(actual), asJSON(pattern))
}

func member(name string, wanted any, found object, path string) string {
	if actual, ok := found[name]; ok {
		return differs(wanted, actual, path+"."+name)
	}
	if matcher, ok := wanted.(object); ok && matcher["$absent"] == true {
		return ""
	}
	return fmt.Sprintf("%s.%s is missing, expected %s", path, name, asJSON(wanted))
}

func applies(name string, wanted, actual any, path string) string {
	ok := false
	number, isNumber := actual.(float64)
	limit, _ := wanted.(float64)
	switch name {
	case "$any":
		ok = true
	case "$absent":
	case "$type":
		ok = kindOf(actual) == wanted
	case "$at_least":
		ok = isNumber && number >= limit
	case "$at_most":
		ok = isNumber && number <= limit
	case "$contains", "$lacks":
		text, isText := actual.(string)
		all, isList := wanted.([]any)
		if !isList {
			all = []any{wanted}
		}
		ok = true
		for _, one := range all {
			ok = ok && isText && (name == "$contains" && saysIt(text, one.(string)) || name == "$lacks" && !strings.Contains(text, one.(string)))
		}
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("%s: %s against %s %s", path, asJSON(actual), name, asJSON(wanted))
}

var settingName = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// Messages spell settings as Go does: TokenURL where a case says token_url.
func saysIt(text, wanted string) bool {
	if strings.Contains(text, wanted) {
		return true
	}
	return settingName.MatchString(wanted) && strings.Contains(strings.ToLower(text), strings.ReplaceAll(wanted, "_", ""))
}

func firstOf(names []string, look func(string) string) string {
	for _, name := range names {
		if complaint := look(name); complaint != "" {
			return complaint
		}
	}
	return ""
}

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case []any:
		return "array"
	case object:
		return "object"
	case string:
		return "string"
	case bool:
		return "boolean"
	}
	return "number"
}

func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// As JSON reads it: numbers, lists and objects of one type each.
func plain(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	var read any
	if err := json.Unmarshal(text, &read); err != nil {
		panic(err)
	}
	return read
}
