"""PodSecurity admission: the three Pod Security Standards in three modes, by the labels of a namespace."""
