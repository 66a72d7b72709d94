"""Hot listings: what a web process does when the views or the order attempts of one listing spike.

``detector`` finds them by their rate, ``copies`` has the copies that many readers share, ``line`` the buyers who wait
for their turn, ``tickets`` their proofs of it, ``process`` those of this process. Nothing here calls a store.
"""
