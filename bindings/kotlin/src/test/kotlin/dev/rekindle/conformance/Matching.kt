package dev.rekindle.conformance

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.doubleOrNull

/** The first difference, by its path; nothing where `actual` is what `pattern` asks for. */
fun difference(pattern: JsonElement, actual: JsonElement, path: String): String? = when {
    pattern is JsonObject && isMatcher(pattern) ->
        pattern.firstNotNullOfOrNull { (name, wanted) -> apply(name, wanted, actual, path) }
    pattern is JsonObject && actual is JsonObject ->
        pattern.firstNotNullOfOrNull { (name, wanted) -> member(wanted, actual[name], "$path.$name") }
    pattern is JsonArray && actual is JsonArray && pattern.size == actual.size ->
        pattern.indices.firstNotNullOfOrNull { difference(pattern[it], actual[it], "$path[$it]") }
    same(pattern, actual) -> null
    else -> "$path: $actual instead of $pattern"
}

private fun member(wanted: JsonElement, found: JsonElement?, path: String): String? = when {
    found != null -> difference(wanted, found, path)
    wanted is JsonObject && (wanted["\$absent"] as? JsonPrimitive)?.booleanOrNull == true -> null
    else -> "$path is missing, expected $wanted"
}

private fun isMatcher(pattern: JsonObject) = pattern.isNotEmpty() && pattern.keys.all { it.startsWith("$") }

private fun same(one: JsonElement, other: JsonElement): Boolean {
    val numbers = number(one) to number(other)
    return if (numbers.first != null && numbers.second != null) numbers.first == numbers.second else one == other
}

private fun number(value: JsonElement): Double? = (value as? JsonPrimitive)?.takeIf { !it.isString }?.doubleOrNull

private fun text(value: JsonElement): String? = (value as? JsonPrimitive)?.takeIf { it.isString }?.contentOrNull

private fun apply(name: String, wanted: JsonElement, actual: JsonElement, path: String): String? {
    val found = number(actual)
    return when (name) {
        "\$any" -> null
        "\$absent" -> "$path: $actual, expected none"
        "\$type" -> if (typeOf(actual) == text(wanted)) null else "$path: $actual is no $wanted"
        "\$at_least", "\$at_most" -> when {
            found == null -> "$path: $actual is no number"
            name == "\$at_least" && found < number(wanted)!! -> "$path: $actual is below $wanted"
            name == "\$at_most" && found > number(wanted)!! -> "$path: $actual is above $wanted"
            else -> null
        }
        "\$contains", "\$lacks" -> texts(wanted).firstNotNullOfOrNull { part ->
            val holds = text(actual)?.contains(part) ?: false
            if (holds == (name == "\$contains")) null else "$path: $actual against $name \"$part\""
        }
        else -> "$path: there is no matcher $name"
    }
}

private fun texts(wanted: JsonElement): List<String> =
    if (wanted is JsonArray) wanted.mapNotNull(::text) else listOfNotNull(text(wanted))

private fun typeOf(value: JsonElement): String = when {
    value is JsonNull -> "null"
    value is JsonObject -> "object"
    value is JsonArray -> "array"
    text(value) != null -> "string"
    (value as JsonPrimitive).booleanOrNull != null -> "boolean"
    else -> "number"
}
