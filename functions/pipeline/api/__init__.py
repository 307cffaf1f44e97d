"""The HTTPS API: routes, parameters, answers and errors. What is done for them is in `handlers`."""
