package dev.rekindle.apollo

import com.apollographql.apollo.api.Adapter
import com.apollographql.apollo.api.CompiledField
import com.apollographql.apollo.api.CustomScalarAdapters
import com.apollographql.apollo.api.Mutation
import com.apollographql.apollo.api.ObjectType
import com.apollographql.apollo.api.Operation
import com.apollographql.apollo.api.Query
import com.apollographql.apollo.api.json.JsonReader
import com.apollographql.apollo.api.json.JsonWriter

/** What Apollo's compiler would write, as far as it is needed here. */
internal class Anything : Query.Data, Mutation.Data

internal class Pupils : Query<Anything> {
    override fun id() = "remove-pupils-hash"
    override fun name() = "Pupils"
    override fun document() = "query Pupils { pupils { name } }"
    override fun rootField() = field("Query")
    override fun adapter(): Adapter<Anything> = AnyData
    override fun serializeVariables(writer: JsonWriter, customScalarAdapters: CustomScalarAdapters, withDefaultValues: Boolean) = Unit
}

internal class Add : Mutation<Anything> {
    override fun id() = "remove-add-hash"
    override fun name() = "Add"
    override fun document() = "mutation Add { add }"
    override fun rootField() = field("Mutation")
    override fun adapter(): Adapter<Anything> = AnyData
    override fun serializeVariables(writer: JsonWriter, customScalarAdapters: CustomScalarAdapters, withDefaultValues: Boolean) = Unit
}

private fun field(type: String) = CompiledField.Builder("data", ObjectType.Builder(type).build()).build()

private object AnyData : Adapter<Anything> {
    override fun fromJson(reader: JsonReader, customScalarAdapters: CustomScalarAdapters): Anything {
        reader.beginObject()
        while (reader.hasNext()) {
            reader.nextName()
            reader.skipValue()
        }
        reader.endObject()
        return Anything()
    }

    override fun toJson(writer: JsonWriter, customScalarAdapters: CustomScalarAdapters, value: Anything) = Unit
}

internal val <D : Operation.Data> com.apollographql.apollo.api.ApolloResponse<D>.codes: List<Any?>
    get() = errors.orEmpty().map { it.extensions?.get("code") }
