"""The two public HTTPS functions. `app` and its neighbours: routes, parameters, answers and errors of the API;
`webhooks`: the door of Replicate's webhooks. What is done for either is in `handlers`.
"""
