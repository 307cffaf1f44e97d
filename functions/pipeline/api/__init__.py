"""What answers over HTTPS. What is done for it is in `handlers`.

the API          app, routes, parameters, authentication, cors, answers, responses, errors
webhooks         webhooks (Replicate's)
"""
