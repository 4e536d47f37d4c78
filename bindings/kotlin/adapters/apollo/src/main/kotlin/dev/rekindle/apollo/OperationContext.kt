package dev.rekindle.apollo

import com.apollographql.apollo.api.ApolloRequest
import com.apollographql.apollo.api.ApolloResponse
import com.apollographql.apollo.api.ExecutionContext
import com.apollographql.apollo.api.Mutation
import com.apollographql.apollo.interceptor.ApolloInterceptor
import com.apollographql.apollo.interceptor.ApolloInterceptorChain
import dev.rekindle.Operation
import kotlinx.coroutines.flow.Flow
import com.apollographql.apollo.api.Operation as ApolloOperation

/** What the operation of a request does. */
internal class OperationContext(val operation: Operation) : ExecutionContext.Element {
    override val key: ExecutionContext.Key<*> get() = Key

    companion object Key : ExecutionContext.Key<OperationContext>
}

/** Adds the operation to a request, because HTTP interceptors see only HTTP requests. */
internal object OperationInterceptor : ApolloInterceptor {
    override fun <D : ApolloOperation.Data> intercept(
        request: ApolloRequest<D>,
        chain: ApolloInterceptorChain,
    ): Flow<ApolloResponse<D>> {
        val operation = if (request.operation is Mutation<*>) Operation.GraphqlMutation else Operation.GraphqlQuery
        return chain.proceed(request.newBuilder().addExecutionContext(OperationContext(operation)).build())
    }
}
